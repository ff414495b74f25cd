"""Importance of square cells of the picture: Shapley values, and the coefficients of a linear stand-in.

Cells that are left out are zero.

    SHAP   phi_i = mean over orders of the cells of score(before i and i) - score(before i)
    LIME   argmin_w sum_n exp(-d_n^2 / width^2) (score(z_n) - w z_n - b)^2 + ridge |w|^2,
           z_n random 0 and 1, d_n the share of cells left out

Shapley values of every sample of orders add up to score(x) - score(0). Both give w x, summed over the
cell, where the score is linear. Lundberg and Lee (2017), A Unified Approach to Interpreting Model
Predictions, https://arxiv.org/abs/1705.07874, here sampled by orders as in Castro, Gomez and Tejada (2009);
Ribeiro, Singh and Guestrin (2016), https://arxiv.org/abs/1602.04938, here with cells in the place of
superpixels. Two of the nine methods compared in Nourelahi, Kotthoff, Chen and Nguyen (2022), How explainable
are adversarially-robust CNNs?, https://arxiv.org/abs/2205.13042.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from circulant.core.errors import ArgumentError
from circulant.explain.class_scores import Decision, decision
from circulant.explain.saliency_maps import SaliencyMaps


@final
@dataclass(frozen=True, slots=True)
class Cells:
    """How the picture is cut and sampled: side x side cells, zeros where one is left out."""

    side: int = 7
    samples: int = 20  # orders for SHAP, pictures / cells for LIME
    seed: int = 0

    def __post_init__(self) -> None:
        if self.side < 1 or self.samples < 1:
            raise ArgumentError(f"expected side and samples of 1 or more, got {self.side} and {self.samples}")


def shap(
    network: nn.Module,
    x: Tensor,
    targets: Tensor | None = None,
    *,
    cells: Cells | None = None,
    is_probability: bool = True,
) -> SaliencyMaps:
    """Maps (B, H, W): each cell's Shapley value on all of its pixels, in probability or in logits."""
    cells = Cells() if cells is None else cells
    asked = decision(network, x, targets, is_probability=is_probability)
    count, drawn = cells.side**2, np.random.default_rng(cells.seed)
    values = torch.zeros(len(x), count, dtype=x.dtype, device=x.device)
    for row in range(len(x)):
        for _ in range(cells.samples):
            order = torch.from_numpy(drawn.permutation(count))
            kept = torch.zeros(count + 1, count)
            kept[:, order] = torch.ones(count + 1, count).tril(-1)
            values[row, order] += _scores(asked, row, kept, cells.side).diff()
    return SaliencyMaps("SHAP", x, _spread(values / cells.samples, cells.side, x))


def lime(
    network: nn.Module,
    x: Tensor,
    targets: Tensor | None = None,
    *,
    cells: Cells | None = None,
    width: float = 0.25,
    ridge: float = 1e-6,
    is_probability: bool = True,
) -> SaliencyMaps:
    """Maps (B, H, W): each cell's coefficient on all of its pixels, in probability or in logits."""
    cells = Cells() if cells is None else cells
    if width <= 0 or ridge < 0:
        raise ArgumentError(f"expected width above 0 and ridge of 0 or more, got {width} and {ridge}")
    asked = decision(network, x, targets, is_probability=is_probability)
    count, drawn = cells.side**2, np.random.default_rng(cells.seed)
    values = torch.zeros(len(x), count, dtype=x.dtype, device=x.device)
    for row in range(len(x)):
        kept = drawn.integers(0, 2, (cells.samples * count, count)).astype(np.float64)
        kept[0] = 1
        near = np.exp(-((1 - kept.mean(1)) ** 2) / width**2)
        scores = _scores(asked, row, torch.from_numpy(kept), cells.side).double().cpu().numpy()
        values[row] = torch.from_numpy(ridge_coefficients(kept, scores, near, ridge)).to(values)
    return SaliencyMaps("LIME", x, _spread(values, cells.side, x))


def ridge_coefficients(
    x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64], ridge: float
) -> NDArray[np.float64]:
    """argmin_w sum_n weight_n (y_n - w x_n - b)^2 + ridge |w|^2.  Shapes: x (N, K), y (N,) -> (K,)."""
    root = np.sqrt(weight)[:, None]
    centred = root * (x - np.average(x, axis=0, weights=weight))
    target = root[:, 0] * (y - np.average(y, weights=weight))
    columns = x.shape[1]
    rows = np.vstack([centred, np.sqrt(ridge) * np.eye(columns)])
    found: NDArray[np.float64] = np.linalg.lstsq(rows, np.append(target, np.zeros(columns)))[0]
    return found


def _scores(asked: Decision, row: int, kept: Tensor, side: int) -> Tensor:
    """Scores of picture `row` with the cells kept (N, side^2) alone -> (N,)."""
    masks = _spread(kept.to(asked.x), side, asked.x)
    return asked(asked.x[row] * masks[:, None], torch.full((len(kept),), row))


def _spread(values: Tensor, side: int, x: Tensor) -> Tensor:
    """Values of cells (N, side^2) on all of their pixels -> (N, H, W)."""
    if side > min(x.shape[2:]):
        raise ArgumentError(f"expected at most {min(x.shape[2:])} cells along an axis, got {side}")
    return interpolate(values.reshape(-1, 1, side, side), x.shape[2:], mode="nearest")[:, 0]
