"""Frequency mixing on the feature maps of a picture network."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.frequency_mixing2d import FrequencyMixing2d


def _make(shape: Shape) -> FrequencyMixing2d:
    return FrequencyMixing2d(shape[1])


def _torch_fft(module: FrequencyMixing2d, x: Tensor) -> Tensor:
    H, W = x.shape[2:]
    rows, columns = torch.fft.fftfreq(H).abs()[:, None], torch.fft.fftfreq(W).abs()
    mask = (rows <= module.cutoff) & (columns <= module.cutoff)
    spectrum = torch.fft.fft2(x)
    low = torch.fft.ifft2(spectrum * mask).real

    def channel(gate: Any, part: Tensor) -> Tensor:
        means = torch.stack([part.real.mean((2, 3)), part.imag.mean((2, 3))])
        return gate.expand(gate.reduce(means).relu()).sigmoid().norm(dim=0)[:, :, None, None]

    shares = F.conv2d(x, module.select.weight, module.select.bias, padding=1).sigmoid()
    low_gate, high_gate = channel(module.low, spectrum * mask), channel(module.high, spectrum * ~mask)
    return shares[:, :1] * low_gate * low + shares[:, 1:] * high_gate * (x - low)


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 56, 56), (8, 128, 56, 56)),
    obvious={"torch.fft and F.conv2d": _torch_fft},
    lowered=False,
)
