"""Spectral pooling filters on the feature maps of a picture network."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.spectral_pooling_filter import SpectralPoolingFilter2d


def _make(shape: Shape) -> SpectralPoolingFilter2d:
    return SpectralPoolingFilter2d(shape[1])


def _torch_fft(module: SpectralPoolingFilter2d, x: Tensor) -> Tensor:
    H, W = x.shape[2:]
    distance = torch.fft.fftfreq(H, 1 / H)[:, None].square() + torch.fft.rfftfreq(W, 1 / W).square()
    mask = torch.where(distance < module.radius**2, module.gain, 1 - module.gain)
    mask[distance == module.radius**2] = 1 / 3
    return torch.fft.irfft2(torch.fft.rfft2(x) * mask, s=(H, W))


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 56, 56), (8, 64, 112, 112)),
    obvious={"torch.fft": _torch_fft},
    lowered=False,
)
