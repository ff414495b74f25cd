"""Frequency selection beside transforms by torch.fft."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.dynamic.frequency_selection2d import FrequencySelection2d


def _torch_fft(module: FrequencySelection2d, x: Tensor) -> Tensor:
    spatial = (x.shape[2], x.shape[3])
    maps = 2 * module.select(x).sigmoid()
    spectrum, before, y = torch.fft.rfft2(x), x, torch.zeros_like(x)
    for n, band in enumerate(module.bands):
        low = torch.fft.irfft2(spectrum * module.low_pass(spatial, band, x.device).to(x.dtype), spatial)
        y, before = y + maps[:, n : n + 1] * (before - low), low
    return y + before


ENTRY = Throughput(
    make=lambda shape: FrequencySelection2d(shape[1]),
    shapes=((4, 64, 28, 28), (4, 64, 56, 56)),
    obvious={"torch.fft and F.conv2d": _torch_fft},
    lowered=False,
)
