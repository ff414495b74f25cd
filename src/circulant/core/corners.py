"""The corners of a spectrum in which the lowest frequencies lie."""

import torch
from torch import Tensor

from circulant.core.sizes import Shape


def cut(bins: Tensor, modes: Shape, sizes: Shape) -> Tensor:
    """bins (rows, *sizes[:-1], m_d, 2) -> (rows, 2 m_1, .., m_d, 2): both ends of every axis but the last."""
    for axis, (m, n) in enumerate(zip(modes[:-1], sizes[:-1]), 1):
        bins = torch.cat([bins.narrow(axis, 0, m), bins.narrow(axis, n - m, m)], axis)
    return bins


def among_zeros(kept: Tensor, modes: Shape, sizes: Shape) -> Tensor:
    """The adjoint of `cut`."""
    for axis, (m, n) in enumerate(zip(modes[:-1], sizes[:-1]), 1):
        gap = kept.new_zeros(*kept.shape[:axis], n - 2 * m, *kept.shape[axis + 1 :])
        kept = torch.cat([kept.narrow(axis, 0, m), gap, kept.narrow(axis, m, m)], axis)
    return kept
