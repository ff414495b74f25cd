"""Fourier attention beside torch.fft, as it is written down."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.fourier_attention3d import STRENGTH, FourierAttention3d


def by_fft(module: FourierAttention3d, x: Tensor) -> Tensor:
    spectrum = torch.fft.fft2(x.flatten(3), norm="ortho")
    R = torch.fft.ifft2(spectrum.conj() * spectrum, norm="ortho")
    return x + STRENGTH * R.abs().reshape(x.shape) * x


ENTRY = Throughput(
    make=lambda shape: FourierAttention3d(shape[1]),
    shapes=((4, 24, 8, 14, 14), (8, 48, 16, 28, 28)),
    obvious={"torch.fft": by_fft},
    lowered=False,
)
