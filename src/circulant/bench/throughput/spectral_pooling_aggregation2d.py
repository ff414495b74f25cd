"""Spectral pooling aggregation on the feature maps of SPANet's first stages."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.spectral_pooling_aggregation2d import SpectralPoolingAggregation2d


def _make(shape: Shape) -> SpectralPoolingAggregation2d:
    return SpectralPoolingAggregation2d(shape[1])


def _torch_fft(module: Any, x: Tensor) -> Tensor:
    H, W = x.shape[2:]
    distance = torch.fft.fftfreq(H, 1 / H)[:, None].square() + torch.fft.rfftfreq(W, 1 / W).square()
    u = F.conv2d(x, module.project_in.weight, module.project_in.bias)
    for part in (module.horizontal, module.vertical):
        u = F.conv2d(u, part.weight, part.bias, padding="same", groups=x.shape[1])
    context = torch.zeros_like(u)
    for chunk, gain, layer in zip(u.chunk(len(module.gains), 1), module.gains, module.contexts):
        mask = torch.where(distance < module.radius**2, gain, 1 - gain)
        mask[distance == module.radius**2] = 1 / 3
        pooled = torch.fft.irfft2(torch.fft.rfft2(chunk) * mask, s=(H, W))
        context = context + F.conv2d(pooled, layer.weight, layer.bias)
    return F.conv2d(u * context, module.project_out.weight, module.project_out.bias)


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 28, 28), (8, 64, 56, 56)),
    obvious={"torch.fft and F.conv2d": _torch_fft},
    lowered=False,
)
