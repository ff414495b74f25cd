"""Does a map point at the object? Its peak, and the box around its large values.

Zhang, Bargal, Lin, Brandt, Shen and Sclaroff (2016), Top-down Neural Attention by Excitation Backprop,
https://arxiv.org/abs/1608.00507 (the pointing game); both as used in Nourelahi, Kotthoff, Chen and Nguyen
(2022), How explainable are adversarially-robust CNNs?, https://arxiv.org/abs/2205.13042.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.explain.saliency_maps import SaliencyMaps


@final
@dataclass(frozen=True, slots=True, eq=False)
class PointingGame:
    hits: Tensor  # (B,), bool

    @property
    def accuracy(self) -> float:
        return float(self.hits.double().mean())


def pointing_game(maps: SaliencyMaps, objects: Tensor, *, tolerance: int = 0) -> PointingGame:
    """Whether each peak is within `tolerance` pixels along each axis of objects (B, H, W), bool."""
    _require(maps, objects)
    if tolerance < 0:
        raise ArgumentError(f"expected a tolerance of 0 pixels or more, got {tolerance}")
    rows, columns = maps.peaks.T
    height, width = objects.shape[1:]
    far_rows = (torch.arange(height, device=rows.device) - rows[:, None]).abs() > tolerance
    far_columns = (torch.arange(width, device=rows.device) - columns[:, None]).abs() > tolerance
    near = ~(far_rows[:, :, None] | far_columns[:, None, :])
    return PointingGame((near & objects).flatten(1).any(1))


def localisation_iou(maps: SaliencyMaps, objects: Tensor, *, level: float = 0.15) -> Tensor:
    """IoU (B,) of the boxes around the object and the largest patch above `level` of the map's peak."""
    _require(maps, objects)
    if not 0 <= level < 1:
        raise ArgumentError(f"expected a level from 0 to below 1, got {level}")
    from scipy.ndimage import label

    found = []
    for values, mask in zip(maps.values.detach().cpu().numpy(), objects.cpu().numpy(), strict=True):
        patches, count = label(values > level * values.max())
        sizes = np.bincount(patches.ravel(), minlength=count + 1)[1:]
        mine = _box(patches == 1 + sizes.argmax()) if count else np.zeros_like(mask)
        theirs = _box(mask)
        found.append((mine & theirs).sum() / max((mine | theirs).sum(), 1))
    return torch.tensor(found, dtype=torch.float64)


def _box(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The smallest upright box around what is true."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.zeros_like(mask, dtype=bool)
    if len(rows):
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return box


def _require(maps: SaliencyMaps, objects: Tensor) -> None:
    if objects.shape != maps.values.shape:
        raise ShapeError(
            f"expected masks {tuple(maps.values.shape)} of the objects, got {tuple(objects.shape)}"
        )
    if objects.dtype != torch.bool:
        raise DtypeError(f"expected masks of dtype bool, got {objects.dtype}; compare them with a level")
