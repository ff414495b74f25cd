"""A low-passed, dilated convolution beside torch.fft and F.conv2d."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.fouri_scale_conv import FouriScaleConv2d


def _make(shape: Shape) -> FouriScaleConv2d:
    return FouriScaleConv2d(shape[1], shape[1], 3, padding=1, scale=2.0)


def _torch_fft(module: FouriScaleConv2d, x: Tensor) -> Tensor:
    H, W = x.shape[2:]

    def gains(n: int, frequency: Tensor) -> Tensor:
        return (1 / max(n // 8, 1) * (n // 2 / 2 + 1 - frequency.abs() * n) + 1).clamp(0, 1)

    mask = gains(H, torch.fft.fftfreq(H))[:, None] * gains(W, torch.fft.rfftfreq(W))
    filtered = torch.fft.irfft2(torch.fft.rfft2(x) * mask, s=(H, W))
    return F.conv2d(filtered, module.weight, module.bias, padding=2, dilation=2)


ENTRY = Throughput(
    make=_make,
    shapes=((2, 32, 48, 48), (2, 64, 96, 96)),
    obvious={"torch.fft": _torch_fft},
    lowered=False,
)
