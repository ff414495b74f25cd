"""Spectral convolution beside torch.fft and a product of complex matrices in each corner."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.spectral_conv import SpectralConv2d


def _make(shape: Shape) -> SpectralConv2d:
    return SpectralConv2d(shape[1], shape[1], 12)


def _torch_fft(operator: SpectralConv2d, x: Tensor) -> Tensor:
    weight = torch.view_as_complex(operator.weight)
    m, n = operator.modes
    spectrum = torch.fft.rfft2(x)
    mixed = torch.zeros_like(spectrum)
    mixed[:, :, :m, :n] = torch.einsum("bixy,ioxy->boxy", spectrum[:, :, :m, :n], weight[:, :, :m])
    mixed[:, :, -m:, :n] = torch.einsum("bixy,ioxy->boxy", spectrum[:, :, -m:, :n], weight[:, :, m:])
    return torch.fft.irfft2(mixed, x.shape[2:])


ENTRY = Throughput(
    make=_make,
    shapes=((8, 32, 64, 64), (8, 32, 256, 256)),
    obvious={"torch.fft": _torch_fft},
    lowered=True,
)
