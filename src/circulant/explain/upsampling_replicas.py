r"""What upsampling does to a spectrum: it repeats it, and interpolation weakens the copies.

Zeros between the samples tile the spectrum of n samples factor times along each axis. Nearest and linear
interpolation are that, and a convolution after it with a fixed kernel h:

    G_out[u] = H[u] G_in[u mod n],      y[m] = sum_i h[m - factor i] x[i].

H takes the copies down but not away, but for their centres: there H is zero, so that a constant stays one.

Tang, Shen, Zhou, Chen and Zhang, 2022, Defects of Convolutional Decoder Networks in Frequency
Representation, https://arxiv.org/abs/2210.09020. Only its abstract was at hand.
"""

from dataclasses import dataclass
from enum import Enum
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.pairs import power, times
from circulant.engine.transform import fft


@final
class Upsampling(Enum):
    ZERO_INSERTION = "zero insertion"
    NEAREST = "nearest"
    LINEAR = "linear"  # torch's linear, bilinear, trilinear with align_corners=False, on a grid that wraps


@final
@dataclass(frozen=True, slots=True)
class Replicas:
    """The spectrum after upsampling, complex values as pairs in a last axis of 2."""

    spectrum: Tensor  # (*batch, *finer, 2)
    replica_share: float  # of its energy outside the band that the coarse grid had, 0 to 1


def upsampling_replicas(spectrum: Tensor, factor: int, ndim: int, upsampling: Upsampling) -> Replicas:
    """spectrum (*batch, *spatial, 2) of ndim axes -> that of the grid with factor times the samples.

    Of n samples, |u| < n / 2 is the band of the coarse grid; the bin at n / 2 counts among the copies.
    """
    if factor < 1 or ndim < 1:
        raise ArgumentError(f"expected a factor and ndim of 1 or more, got factor {factor}, ndim {ndim}")
    if spectrum.ndim < ndim + 1 or spectrum.shape[-1] != 2:
        raise ShapeError(
            f"expected a spectrum of pairs (*batch, *spatial, 2) with {ndim} axes, "
            f"got {tuple(spectrum.shape)}; see spectrum_of"
        )
    spatial = tuple(spectrum.shape[-ndim - 1 : -1])
    batch = (1,) * (spectrum.ndim - ndim - 1)
    finer = spectrum.tile(*batch, *(factor,) * ndim, 1)
    own = torch.ones((), dtype=torch.bool, device=spectrum.device)
    for axis, samples in enumerate(spatial):
        along = (-1, *(1,) * (ndim - 1 - axis))
        transfer = interpolation_transfer(upsampling, factor, samples).to(spectrum)
        finer = times(finer, transfer.reshape(*along, 2))
        own = own & _own_band(factor, samples).to(spectrum.device).reshape(along)
    energy = power(finer)
    total = float(energy.sum())
    return Replicas(finer, float(energy[..., ~own].sum()) / total if total > 0 else 0.0)


def interpolation_transfer(upsampling: Upsampling, factor: int, samples: int) -> Tensor:
    """H of factor * samples frequencies along one axis, (factor * samples, 2) in float64."""
    places = torch.arange(-factor, 2 * factor)
    kernel = torch.zeros(factor * samples, 2, dtype=torch.float64)
    kernel[:, 0].index_add_(0, places % (factor * samples), _taps(upsampling, factor, places.double()))
    return fft(kernel)


def _taps(upsampling: Upsampling, factor: int, place: Tensor) -> Tensor:
    match upsampling:
        case Upsampling.ZERO_INSERTION:
            return (place == 0).double()
        case Upsampling.NEAREST:
            return ((place >= 0) & (place < factor)).double()
        case Upsampling.LINEAR:  # a coarse sample lies in the middle of its factor fine ones
            return (1 - ((place + 0.5) / factor - 0.5).abs()).clamp(min=0)


def _own_band(factor: int, samples: int) -> Tensor:
    u = torch.arange(factor * samples)
    return 2 * torch.minimum(u, factor * samples - u) < samples
