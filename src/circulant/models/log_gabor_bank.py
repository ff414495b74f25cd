"""Log-Gabor atoms: oriented bands of frequencies with a bandwidth of their own."""

from collections.abc import Sequence
from math import pi

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError

SIZE = 12  # samples of an atom along each axis
FREQUENCY = 0.4  # of the middle of the band, in cycles per sample
FREQUENCY_BANDWIDTH = 0.4  # standard deviation of log frequency: the default of the LogGabor package
MASK_EXPONENT = 3.0  # sharpness of the circular mask, by the same defaults


def log_gabor_bank(
    orientations: Sequence[float],
    bandwidths: Sequence[float],
    phases: Sequence[float] = (0.0, pi / 2),
    *,
    size: int = SIZE,
    frequency: float = FREQUENCY,
    frequency_bandwidth: float = FREQUENCY_BANDWIDTH,
) -> Tensor:
    """Atoms of unit norm and mean 0 -> (orientations x bandwidths x phases, size, size), in float64.

        spectrum(f, t) = 1 / f exp(-log(f / f_0)^2 / (2 B_f^2)) exp(cos(t - t_0) / B_t^2) exp(-i phase)

    The real part of the inverse transform, centred, times a mask that is 0 outside a circle; radians.
    """
    if min(bandwidths, default=0.0) <= 0 or not orientations or not phases:
        raise ArgumentError(
            "expected orientations, phases and bandwidths above 0, "
            f"got {orientations}, {phases} and {bandwidths}"
        )
    line = torch.fft.fftfreq(size, dtype=torch.float64)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    radius, angle = torch.hypot(rows, columns), torch.atan2(columns, rows)
    radius[0, 0] = 1.0
    band = torch.exp(-0.5 * (torch.log(radius / frequency) / frequency_bandwidth) ** 2) / radius
    band[0, 0] = 0.0
    atoms = []
    for orientation in orientations:
        for bandwidth in bandwidths:
            # minus the maximum, which norms take out again: narrow ones would overflow
            tuned = band * torch.exp((torch.cos(angle - orientation) - 1) / bandwidth**2)
            centred = torch.fft.fftshift(torch.fft.ifft2(tuned))
            atoms += [(centred * torch.exp(torch.tensor(-1j * phase))).real for phase in phases]
    masked = torch.stack(atoms) * circular_mask(size)
    masked = masked - masked.mean((1, 2), keepdim=True)
    return masked / torch.linalg.vector_norm(masked, dim=(1, 2), keepdim=True)


def circular_mask(size: int) -> Tensor:
    """1 in the middle and 0 from a distance of half the size on -> (size, size)."""
    line = (torch.arange(size, dtype=torch.float64) - size // 2) / (size / 2)
    distance = torch.hypot(line[:, None], line[None])
    inside = (1 + torch.cos(pi * distance)).clamp(min=0) / 2
    return torch.where(distance < 1, inside ** (1 / MASK_EXPONENT), torch.zeros_like(distance))


def heterogeneous_bank() -> Tensor:
    """144 atoms: 12 orientations, 6 bandwidths from pi / 36 to pi / 6, 2 phases."""
    bandwidths = [pi / 36 * step for step in range(1, 7)]
    return log_gabor_bank([pi / 12 * step for step in range(12)], bandwidths)


def homogeneous_bank() -> Tensor:
    """144 atoms: 72 orientations of one bandwidth, pi / 15, 2 phases."""
    return log_gabor_bank([pi / 72 * step for step in range(72)], [pi / 15])
