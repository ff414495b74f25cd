r"""Which frequencies a convolution with random weights lets through.

For independent weights of mean m and variance s^2, a kernel of K taps along each of the axes, grids of N
samples and C input channels that all carry the same signal,

    E |sum_c T_c(u)|^2 = C prod(K) s^2 + C^2 m^2 prod_axes D(u)^2,     D(u) = sin(pi K u / N) / sin(pi u / N).

The variance treats all frequencies alike; a mean other than zero, of either sign, favours the low ones, the
more so the larger the kernel and the more channels there are.

Tang, Shen, Zhou, Chen and Zhang, 2022, Defects of Convolutional Decoder Networks in Frequency
Representation, https://arxiv.org/abs/2210.09020. Only its abstract was at hand.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import Shape, product


@final
@dataclass(frozen=True, slots=True)
class SpectralMoment:
    """E |T|^2 by where it comes from; frequencies in the order of the DFT."""

    from_variance: float  # the same at every frequency
    from_mean: Tensor  # (*spatial), float64

    @property
    def power(self) -> Tensor:
        """E |T|^2, (*spatial)."""
        return self.from_variance + self.from_mean


def spectral_moment(
    kernel: Shape, spatial: Shape, mean: float, variance: float, in_channels: int = 1
) -> SpectralMoment:
    """Second moment of the transfer of a random kernel on a grid of `spatial` samples."""
    if len(kernel) != len(spatial) or not kernel:
        raise ShapeError(f"expected one kernel size per axis, got kernel {kernel} for a grid {spatial}")
    if min(*kernel, *spatial, in_channels) < 1 or variance < 0:
        raise ArgumentError(
            "expected sizes and in_channels of 1 or more and a variance of 0 or more, got "
            f"kernel {kernel}, grid {spatial}, in_channels {in_channels}, variance {variance}"
        )
    shape = torch.ones((), dtype=torch.float64)
    for taps, samples in zip(kernel, spatial, strict=True):
        shape = shape[..., None] * dirichlet_kernel(taps, samples).square()
    return SpectralMoment(in_channels * product(kernel) * variance, (in_channels * mean) ** 2 * shape)


def dirichlet_kernel(taps: int, samples: int) -> Tensor:
    """sin(pi taps u / samples) / sin(pi u / samples) for u = 0 .. samples - 1, its limit `taps` at u = 0."""
    # reduced in integers: sin of a multiple of pi would not be exactly zero
    u = torch.arange(samples, dtype=torch.int64)
    above = torch.sin(torch.pi * (taps * u % (2 * samples)).double() / samples)
    below = torch.sin(torch.pi * u.double() / samples)
    return torch.where(u == 0, float(taps), above / below.where(u != 0, torch.ones_like(below)))
