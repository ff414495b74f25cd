"""Fourier mixing beside the one line that FNet is known for."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.fourier_mixing1d import FourierMixing1d


def _fft2(module: FourierMixing1d, x: Tensor) -> Tensor:
    return torch.fft.fft2(x).real


ENTRY = Throughput(
    make=lambda shape: FourierMixing1d(shape[1]),
    shapes=((4, 128, 128), (4, 768, 512)),
    obvious={"torch.fft": _fft2},
    lowered=True,
)
