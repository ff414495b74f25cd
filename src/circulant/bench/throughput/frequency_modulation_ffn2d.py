"""Frequency-modulation feed-forward layers of image compression."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.frequency_modulation_ffn2d import FrequencyModulationFFN2d


def _make(shape: Shape) -> FrequencyModulationFFN2d:
    return FrequencyModulationFFN2d(shape[1])


def _torch_fft(module: Any, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    n = module.tile
    hidden = F.gelu(F.conv2d(x, module.expand.weight, module.expand.bias))
    u = F.conv2d(hidden, module.project.weight, module.project.bias)
    tiles = u.reshape(B, C, H // n, n, W // n, n).transpose(3, 4)
    gain = torch.view_as_complex(module.gain)[:, None, None]
    return torch.fft.irfft2(torch.fft.rfft2(tiles) * gain, s=(n, n)).transpose(3, 4).reshape(x.shape)


ENTRY = Throughput(
    make=_make,
    shapes=((4, 32, 64, 64), (4, 96, 64, 64)),
    obvious={"torch.fft and F.conv2d": _torch_fft},
    lowered=False,
)
