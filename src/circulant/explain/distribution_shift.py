r"""How differently two networks are made of the same kernels.

All kernels of both are written in their common basis (`filter_basis`). For each component i, p_i and q_i are
the histograms of the coefficients of the one and of the other, over the same range for all components, and

    D = sum_i e_i (KL(p_i | q_i) + KL(q_i | p_i))    in nats, e_i the share of the variance.

What surprises: a bin that one network leaves empty is given float32's epsilon as density, so that D stays
finite; it grows with the number of bins and falls with the number of kernels: compare figures of the same
bins, and of networks of like size.

Gavrikov and Keuper, 2022, CNN Filter DB: An Empirical Investigation of Trained Convolutional Filters,
https://arxiv.org/abs/2203.15331; bins and the value of empty ones as in their notebook.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.explain.filter_basis import FilterBasis, basis_of, scaled_rows

BINS = 70
EMPTY = float(np.finfo(np.float32).eps)  # density of an empty bin

Histograms = NDArray[np.float64]  # (K, bins), each row of sum 1


@final
@dataclass(frozen=True, slots=True)
class DistributionShift:
    """How far the kernels of two networks are apart."""

    basis: FilterBasis  # of the kernels of both
    divergence: Tensor  # (K): of each component, symmetric, in nats

    @property
    def total(self) -> float:
        """D, in nats: 0 for the same kernels."""
        return float(self.basis.explained @ self.divergence)


def distribution_shift(
    first: nn.Module, second: nn.Module, size: tuple[int, ...] = (3, 3), bins: int = BINS
) -> DistributionShift:
    """Shift between all kernels of that size in the convolutions of two networks."""
    if bins < 2:
        raise ArgumentError(f"expected two bins or more, got {bins}")
    one, other = scaled_rows(first, size), scaled_rows(second, size)
    basis = basis_of(torch.cat([one, other]), size)
    spread = basis.coefficients(one).numpy(), basis.coefficients(other).numpy()
    reach = min(c.min() for c in spread), max(c.max() for c in spread)
    p, q = (_histograms(c, bins, reach) for c in spread)
    return DistributionShift(basis, torch.from_numpy(((p - q) * np.log(p / q)).sum(1)))


def _histograms(coefficients: NDArray[np.float64], bins: int, reach: tuple[float, float]) -> Histograms:
    rows = np.stack([np.histogram(c, bins, reach, density=True)[0] for c in coefficients.T])
    rows[rows == 0] = EMPTY
    return rows / rows.sum(1, keepdims=True)
