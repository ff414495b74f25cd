"""Frequency band modulation beside transforms by torch.fft."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.dynamic.frequency_band_modulation2d import FrequencyBandModulation2d


def _torch_fft(module: FrequencyBandModulation2d, x: Tensor) -> Tensor:
    spatial = (x.shape[2], x.shape[3])
    maps = 2 * module.select(x).sigmoid()
    spectrum, before, y = torch.fft.rfft2(x), x, torch.zeros_like(x)
    for n, band in enumerate(module.bands):
        low = torch.fft.irfft2(spectrum * module.low_pass(spatial, band, x.device).to(x.dtype), spatial)
        y, before = y + maps[:, n : n + 1] * (before - low), low
    return y + before


ENTRY = Throughput(
    make=lambda shape: FrequencyBandModulation2d(shape[1]),
    shapes=((4, 64, 28, 28), (4, 64, 56, 56)),
    obvious={"torch.fft and F.conv2d": _torch_fft},
    lowered=False,
)
