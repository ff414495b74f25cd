"""De-aliasing filters on the feature maps of a picture network."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.de_aliasing_filter import DeAliasingFilter2d


def _make(shape: Shape) -> DeAliasingFilter2d:
    return DeAliasingFilter2d(shape[1])


def _torch_fft(module: DeAliasingFilter2d, x: Tensor) -> Tensor:
    H, W = x.shape[2:]
    rows = torch.fft.fftfreq(H).abs()[:, None] <= module.cutoff
    mask = rows & (torch.fft.rfftfreq(W) <= module.cutoff)
    return torch.fft.irfft2(torch.fft.rfft2(x) * mask, s=(H, W))


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 56, 56), (8, 64, 112, 112)),
    obvious={"torch.fft": _torch_fft},
    lowered=False,
)
