"""Channels as the cells of a grid, and which of them are near each other."""

import torch
from torch import Tensor

from circulant.core.sizes import Shape, same_padding


def neighbours(grid: Shape, near: Shape, *, circular: bool) -> Tensor:
    """The cells near each cell, row by row (prod(grid), prod(near)); -1 beyond an edge unless edges meet."""
    places, beyond = torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1, dtype=torch.bool)
    for size, n in zip(grid, near):
        met = torch.arange(size)[:, None] + torch.arange(n) - same_padding(n, 1)[0]
        outside = (met < 0) | (met >= size)
        places = _joined(places * size, met % size).sum(0)
        beyond = _joined(beyond, outside).any(0)
    return places if circular else places.masked_fill(beyond, -1)


def _joined(one: Tensor, other: Tensor) -> Tensor:
    """Matrices (P, T) and (S, N) side by side, for each pair of rows and of columns -> (2, P S, T N)."""
    pair = torch.broadcast_tensors(one[:, None, :, None], other[None, :, None, :])
    return torch.stack(pair).flatten(3).flatten(1, 2)
