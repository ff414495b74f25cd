"""Channels laid out as samples of a finer grid, and back, along any number of axes."""

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError


def sub_pixel_shuffle(x: Tensor, factor: int, ndim: int) -> Tensor:
    """torch's pixel_shuffle: x (*, C factor^ndim, *spatial) -> y (*, C, *factor spatial)."""
    lead, channels, spatial = x.shape[: -ndim - 1], x.shape[-ndim - 1], x.shape[-ndim:]
    phases = factor**ndim
    if channels % phases:
        raise ShapeError(f"expected channels that are a multiple of {phases}, got x {tuple(x.shape)}")
    first = len(lead) + 1
    split = x.reshape(*lead, channels // phases, *(factor,) * ndim, *spatial)
    pairs = [axis for n in range(ndim) for axis in (first + ndim + n, first + n)]
    finer = [size * factor for size in spatial]
    return split.permute(*range(first), *pairs).reshape(*lead, channels // phases, *finer)


def sub_pixel_unshuffle(y: Tensor, factor: int, ndim: int) -> Tensor:
    """The inverse: y (*, C, *factor spatial) -> x (*, C factor^ndim, *spatial)."""
    lead, channels, spatial = y.shape[: -ndim - 1], y.shape[-ndim - 1], y.shape[-ndim:]
    if any(size % factor for size in spatial):
        raise ShapeError(f"expected sizes that are multiples of {factor}, got y {tuple(y.shape)}")
    first = len(lead) + 1
    coarser = [size // factor for size in spatial]
    split = y.reshape(*lead, channels, *(part for size in coarser for part in (size, factor)))
    places = range(first, first + 2 * ndim)
    phases_first = split.permute(*range(first), *places[1::2], *places[::2])
    return phases_first.reshape(*lead, channels * factor**ndim, *coarser)


@torch.no_grad()
def icnr_(weight: Tensor, factor: int) -> Tensor:
    """Make all sub-pixels of a weight (O factor^ndim, I, *kernel) start as the first: no checkerboard."""
    phases = factor ** (weight.ndim - 2)
    if factor < 1 or len(weight) % phases:
        raise ArgumentError(
            f"expected a weight whose channels are a multiple of {phases}, got {tuple(weight.shape)}"
        )
    return weight.copy_(weight[::phases].repeat_interleave(phases, 0))
