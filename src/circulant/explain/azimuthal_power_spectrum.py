r"""The power spectrum of pictures, or series, by radial frequency alone, and how it decays.

    S[r] = mean of |F[u, v]|^2 / (H W) over the ring of bins whose radius, rounded, is r,

around the bin of the mean. White noise of variance 1 has S = 1 in every ring, photographs about 1 / r^2.
Rings reach to half a cycle per sample; the corners of the plane, beyond it, count for none. The distance is
taken from the bin of the mean: published code takes it from (N - 1) / 2, half a bin away where N is even.
Of a series a ring is a pair of bins, r and -r: its periodogram.

Chandrasegaran, Tran and Cheung, 2021, A Closer Look at Fourier Spectrum Discrepancies for CNN-generated
Images Detection, https://arxiv.org/abs/2103.17195.
"""

from dataclasses import dataclass
from functools import reduce
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.pairs import power
from circulant.core.sizes import product
from circulant.engine.transform import rfftn
from circulant.report.fragment import standalone
from circulant.report.power_panel import power_curve

SMALLEST_SIDE = 8
TOP_QUARTER = 0.75  # of the frequencies up to half a cycle per sample, those above


@final
@dataclass(frozen=True, slots=True)
class PowerLaw:
    """Of each picture, float64 (B,): power = level (frequency / start)^-exponent from the start on."""

    level: NDArray[np.float64]  # relative to the picture's mean power over rings, without its mean
    exponent: NDArray[np.float64]
    start: float  # cycles per sample


@final
@dataclass(frozen=True, slots=True)
class AzimuthalPowerSpectrum:
    """Float64, from the ring of the mean on."""

    frequency: NDArray[np.float64]  # (rings,) in cycles per sample: the mean over each ring
    power: NDArray[np.float64]  # (B, rings)

    def power_law(self, start: float = TOP_QUARTER, stop: float = 1.0) -> PowerLaw:
        """Straight line through the logarithms between two shares of the highest frequency, 0.5."""
        chosen = self._between(start, stop)
        frequency, values = self.frequency[chosen], self.power[:, chosen]
        if len(frequency) < 2 or not (values > 0).all():
            raise ArgumentError(
                f"expected power in two rings or more from {start} to {stop} of the highest frequency, got "
                f"{len(frequency)} rings, {int((values <= 0).sum())} empty; leave out blank pictures"
            )
        relative = values / self.power[:, 1:].mean(1, keepdims=True)
        slope, offset = np.polyfit(np.log(frequency / frequency[0]), np.log(relative).T, 1)
        return PowerLaw(np.exp(offset), -slope, float(frequency[0]))

    def share_above(self, start: float = TOP_QUARTER) -> NDArray[np.float64]:
        """Share of the power in the rings above that share of the highest frequency, without the mean: (B,).

        Rings count alike, whatever their number of bins: of white noise it is about 1 - start. A blank
        picture has 0.
        """
        total = self.power[:, 1:].sum(1)
        above = self.power[:, self._between(start, 1.0)].sum(1)
        return np.where(total > 0, above / np.where(total > 0, total, 1.0), 0.0)

    def _between(self, start: float, stop: float) -> NDArray[np.bool_]:
        if not 0 <= start < stop <= 1:
            raise ArgumentError(f"expected 0 <= start < stop <= 1, shares of 0.5, got {start} and {stop}")
        ring = np.arange(len(self.frequency))
        highest = len(ring) - 1
        return (ring > 0) & (ring >= start * highest) & (ring <= stop * highest)

    def plot(self) -> str:
        """A stand-alone SVG picture of the mean over pictures, both axes logarithmic."""
        mean = self.power.mean(0)
        return standalone(power_curve(self.frequency[1:], mean[1:], "Power by frequency"))


def azimuthal_power_spectrum(pictures: Tensor) -> AzimuthalPowerSpectrum:
    """Of pictures (B, C, H, W) or series (B, C, L), averaged over channels; min(size) // 2 + 1 rings."""
    sizes = tuple(pictures.shape[2:])
    if len(sizes) not in (1, 2) or pictures.numel() == 0 or min(sizes) < SMALLEST_SIDE:
        raise ShapeError(
            f"expected pictures (B, C, H, W), H and W from {SMALLEST_SIDE}, or series (B, C, L), L from "
            f"{SMALLEST_SIDE}, got {tuple(pictures.shape)}"
        )
    if not pictures.is_floating_point():
        raise DtypeError(f"expected floating-point pictures, got {pictures.dtype}; convert with .float()")
    plane = power(rfftn(pictures.detach().double().cpu(), len(sizes))).mean(1) / product(sizes)
    columns = torch.fft.rfftfreq(sizes[-1], dtype=torch.float64)
    rows = [torch.fft.fftfreq(n, dtype=torch.float64)[:, None] for n in sizes[:-1]]
    radius = reduce(torch.hypot, rows, columns)
    mirrored = torch.full((len(columns),), 2.0, dtype=torch.float64)  # half of the plane stands for both
    mirrored[0] = 1
    if sizes[-1] % 2 == 0:
        mirrored[-1] = 1
    weight = mirrored.expand_as(radius).flatten()
    side = min(sizes)
    ring = (radius * side).round().long().flatten()

    def over_rings(values: Tensor) -> Tensor:
        sums = values.new_zeros(*values.shape[:-1], int(ring.max()) + 1)
        return sums.index_add(-1, ring, values * weight)[..., : side // 2 + 1]

    bins = over_rings(torch.ones_like(weight))
    frequency = over_rings(radius.flatten()) / bins
    return AzimuthalPowerSpectrum(frequency.numpy(), (over_rings(plane.flatten(1)) / bins).numpy())
