"""Frequency response of a module, linearised around real features.

A small sinusoid of frequency f laid over the features moves the output's centre by the Fourier sum of
its gradient at f. That is the transfer function where the module is a convolution, and stays defined
where it depends on its input (attention, gates, dynamic kernels) or has strides.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, pad

from circulant.core.pairs import power
from circulant.engine.transform import fftn
from circulant.explain.centre_gradient import centre_gradients
from circulant.report.curve_panel import gain_curve
from circulant.report.fragment import standalone

BINS = 16
GRID = 64  # shortest transform: the lowest bin then averages 3 (9 in 2-D) frequencies, never zero alone


@final
@dataclass(frozen=True, slots=True)
class FrequencyResponse:
    """Root-mean-square gain over channels and examples. Frequencies in cycles per sample.

    Gains are 0 everywhere where the centre does not depend on the input.
    """

    frequency: NDArray[np.float64]  # radial, 0 to 0.5, ascending: centres of equal bins
    gain: NDArray[np.float64]  # relative to the largest, 0..1
    plane: NDArray[np.float64]  # the same by signed frequency, zero in the middle: (n, n), or (1, n)

    def plot(self) -> str:
        """A stand-alone SVG picture of the radial gain."""
        return standalone(gain_curve(self.frequency, self.gain, (), "Gain by frequency"))


def frequency_response(module: nn.Module, features: Tensor) -> FrequencyResponse:
    """Gain of the output's centre for small sinusoids laid over features (B, C, L) or (B, C, H, W)."""
    gradient = centre_gradients(module, features)
    spatial = gradient.shape[3:]
    sizes = [max(GRID, n) for n in spatial]
    missing = [
        amount for n, size in zip(reversed(spatial), reversed(sizes), strict=True) for amount in (0, size - n)
    ]
    padded = pad(gradient, missing)
    response = power(fftn(torch.stack([padded, torch.zeros_like(padded)], -1), len(spatial))).mean((0, 1, 2))
    axis_frequency = [torch.fft.fftfreq(n, dtype=torch.float64).square() for n in sizes]
    radius = sum(torch.meshgrid(axis_frequency, indexing="ij"), torch.zeros(())).sqrt()
    bins = (radius * 2 * BINS).long().clamp(max=BINS)
    bins[(bins == BINS) & (radius <= 0.5)] = BINS - 1  # 0.5 itself belongs to the last bin
    count = torch.bincount(bins.ravel(), minlength=BINS + 1)[:BINS]
    total = torch.bincount(bins.ravel(), weights=response.ravel(), minlength=BINS + 1)[:BINS]
    centred = torch.fft.fftshift(response).reshape(1, -1, sizes[-1])
    plane = adaptive_avg_pool2d(centred, (min(GRID, centred.shape[1]), GRID))[0]
    frequency = (np.arange(BINS) + 0.5) / (2 * BINS)
    return FrequencyResponse(frequency, _relative(total / count), _relative(plane))


def _relative(power: Tensor) -> NDArray[np.float64]:
    largest = float(power.max())
    if not np.isfinite(largest) or largest == 0:
        return np.zeros(power.shape)
    return (power / largest).sqrt().numpy()
