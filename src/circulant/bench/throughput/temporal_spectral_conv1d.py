"""Spectral mixing along time beside torch.fft with complex weights."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.temporal_spectral_conv1d import SLOPE, TemporalSpectralConv1d


def by_fft(module: TemporalSpectralConv1d, x: Tensor) -> Tensor:
    R = torch.view_as_complex(module.spectral.weight)
    low = torch.fft.rfft(x, dim=2)[:, :, : R.shape[2]]
    v = torch.fft.irfft(torch.einsum("bikhw,iok->bokhw", low, R), n=x.shape[2], dim=2)
    return x + torch.nn.functional.leaky_relu(v, SLOPE)


ENTRY = Throughput(
    make=lambda shape: TemporalSpectralConv1d(shape[1], 2),
    shapes=((4, 64, 4, 16, 16), (16, 128, 4, 32, 32)),
    obvious={"torch.fft": by_fft},
    lowered=False,
)
