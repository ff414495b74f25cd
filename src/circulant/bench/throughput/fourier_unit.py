"""Fourier units beside torch.fft."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.fourier_unit import FourierUnit3d


def by_fft(module: FourierUnit3d, x: Tensor) -> Tensor:
    z = torch.view_as_real(torch.fft.rfftn(x, dim=(2, 3, 4), norm="ortho"))
    parts = module.mix(z.movedim(-1, 2).flatten(1, 2))
    if module.norm is not None:
        parts = module.norm(parts).relu()
    spectrum = torch.view_as_complex(parts.unflatten(1, (-1, 2)).movedim(2, -1).contiguous())
    return torch.fft.irfftn(spectrum, s=x.shape[2:], dim=(2, 3, 4), norm="ortho")


ENTRY = Throughput(
    make=lambda shape: FourierUnit3d(shape[1]),
    shapes=((2, 32, 8, 16, 16), (2, 64, 16, 48, 48)),
    obvious={"torch.fft": by_fft},
    lowered=False,
)
