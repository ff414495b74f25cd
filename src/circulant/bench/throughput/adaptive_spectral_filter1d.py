"""AdaptiveSpectralFilter1d beside torch.fft code with complex numbers."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.nn import AdaptiveSpectralFilter1d


def _make(shape: Shape) -> AdaptiveSpectralFilter1d:
    return AdaptiveSpectralFilter1d(shape[1], shape[2])


def _fft_code(operator: AdaptiveSpectralFilter1d, x: Tensor) -> Tensor:
    z = torch.fft.rfft(x, norm="ortho").unflatten(1, (operator.heads, -1))
    z = z * operator.filter(x)[:, :, None]
    size = z.abs()
    kept = torch.relu(size + operator.activation.bias[:, None]) / size.clamp(min=1e-30)
    return torch.fft.irfft((z * kept).flatten(1, 2), x.shape[-1], norm="ortho")


ENTRY = Throughput(_make, ((8, 128, 512), (2, 64, 8192)), {"torch.fft code": _fft_code}, lowered=True)
