"""Disentanglement beside torch.fft, as it is written down."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.fourier_object_disentangle import FourierObjectDisentangle


def by_fft(module: FourierObjectDisentangle, x: Tensor) -> Tensor:
    frequency = torch.fft.fftfreq(x.shape[2], device=x.device)[:, None, None]
    return x * frequency**2 * torch.fft.fft(x, dim=2, norm="ortho").abs() ** 2


ENTRY = Throughput(
    make=lambda shape: FourierObjectDisentangle(shape[1]),
    shapes=((4, 24, 8, 14, 14), (8, 48, 16, 28, 28)),
    obvious={"torch.fft": by_fft},
    lowered=False,
)
