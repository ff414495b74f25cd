"""The ideal low-pass filter on a box of frequencies, and the cutoff that a coarser grid asks for."""

from math import prod

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.engine.spectral_filter import real_gains, spectral_filter

CUTOFF = 0.25 * 1.4  # in cycles per sample; of the published networks, a little below 0.354


def require_cutoff(cutoff: float) -> None:
    if not 0 <= cutoff <= 0.5:
        raise ArgumentError(f"expected cutoff from 0 to 0.5 cycles per sample, got {cutoff}")


def nyquist_frequency(in_channels: int, out_channels: int, stride: Shape) -> float:
    """Highest frequency, in cycles per sample, that a layer can pass on; at most 0.5.

    Half the equivalent sampling rate, the root over the axes of how many values go out for each one in.
    """
    if min(in_channels, out_channels, *stride) < 1:
        raise ArgumentError(
            f"expected channels and strides of 1 or more, got {in_channels}, {out_channels} and {stride}"
        )
    rate = (out_channels / in_channels / prod(stride)) ** (1 / len(stride))
    return min(0.5, 0.5 * rate)


def kept_bins(sizes: Shape, cutoff: float, device: torch.device) -> Tensor:
    """Whether each bin of `rfftn` lies in the box |f| <= cutoff along every axis."""
    *outer, last = sizes
    kept = torch.arange(last // 2 + 1, device=device) <= cutoff * last
    for axis, size in enumerate(reversed(outer), 1):
        index = torch.arange(size, device=device)
        inside = torch.minimum(index, size - index) <= cutoff * size
        kept = inside.reshape(-1, *(1,) * axis) & kept
    return kept


def low_pass(x: Tensor, ndim: int, cutoff: float) -> Tensor:
    """x (B, C, *spatial) -> what of it lies in the box."""
    sizes = tuple(x.shape[-ndim:])
    return spectral_filter(x, real_gains(kept_bins(sizes, cutoff, x.device).to(x.dtype)[None]))
