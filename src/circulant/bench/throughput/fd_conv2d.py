"""Frequency dynamic convolution beside torch.fft and torch's grouped convolution."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.fd_conv2d import FDConv2d


def _make(shape: Shape) -> FDConv2d:
    return FDConv2d(shape[1], shape[1], 3, padding=1, frequency_groups=16).eval()


def _torch_fft(module: FDConv2d, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    gates, weight = module.modulation(x), module.weight
    gains = weight.groups * gates.shares[:, weight.group]
    sheets = torch.fft.irfft2(torch.view_as_complex(weight.spectrum) * gains, weight.sheet)
    kernels = sheets.view(B, C, 3, C, 3).transpose(2, 3) * gates.gate
    spectrum, before, z = torch.fft.rfft2(x), x, torch.zeros_like(x)
    if module.bands is not None:
        maps = 2 * module.bands.select(x).sigmoid()
        for n, band in enumerate(module.bands.bands):
            low = torch.fft.irfft2(
                spectrum * module.bands.low_pass((H, W), band, x.device).to(x.dtype), (H, W)
            )
            z, before = z + maps[:, n : n + 1] * (before - low), low
    y = F.conv2d((z + before).view(1, -1, H, W), kernels.flatten(0, 1), padding=1, groups=B).view(B, -1, H, W)
    return y if module.bias is None else y + module.bias[:, None, None]


ENTRY = Throughput(
    make=_make,
    shapes=((2, 32, 28, 28), (2, 64, 56, 56)),
    obvious={"torch.fft and F.conv2d": _torch_fft},
    lowered=False,
)
