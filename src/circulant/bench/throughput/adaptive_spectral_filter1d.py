"""The adaptive spectral filter beside torch's transforms with complex numbers."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.adaptive_spectral_filter1d import AdaptiveSpectralFilter1d


def _complex_numbers(module: AdaptiveSpectralFilter1d, x: Tensor) -> Tensor:
    z = torch.fft.rfft(x.unflatten(1, (module.heads, -1)), norm="ortho") * module.filter(x)[:, :, None]
    size = z.abs()
    kept = (size + module.activation.bias[:, None]).relu() / size.clamp(min=1e-12)
    return torch.fft.irfft(z * kept, x.shape[-1], norm="ortho").flatten(1, 2)


ENTRY = Throughput(
    make=lambda shape: AdaptiveSpectralFilter1d(shape[1], shape[2]),
    shapes=((4, 64, 128), (4, 128, 1024)),
    obvious={"torch.fft": _complex_numbers},
    lowered=False,
)
