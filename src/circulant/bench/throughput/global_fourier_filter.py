"""Global filters beside torch.fft."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.global_fourier_filter import BY_NDIM, GlobalFourierFilter2d


def by_fft(module: GlobalFourierFilter2d, x: Tensor) -> Tensor:
    spectrum = torch.fft.rfft2(x) * torch.view_as_complex(module.weight)
    y = torch.fft.irfft2(spectrum, s=x.shape[2:])
    return y if module.pointwise is None else y + module.pointwise(x)


ENTRY = Throughput(
    make=lambda shape: BY_NDIM[2](shape[1], shape[2:]),
    shapes=((8, 64, 28, 28), (8, 128, 112, 112)),
    obvious={"torch.fft": by_fft},
    lowered=False,
)
