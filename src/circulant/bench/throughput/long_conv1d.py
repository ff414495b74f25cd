"""LongConv1d beside torch.fft code, as papers write it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.nn import LongConv1d


def _make(shape: Shape) -> LongConv1d:
    return LongConv1d(shape[1], shape[2])


def _fft_code(operator: LongConv1d, x: Tensor) -> Tensor:
    L = x.shape[-1]
    kernel = F.softshrink(operator.kernel, operator.squash)
    spectrum = torch.fft.rfft(x, 2 * L) * torch.fft.rfft(kernel, 2 * L)
    return torch.fft.irfft(spectrum, 2 * L)[..., :L] + operator.skip[:, None] * x


ENTRY = Throughput(_make, ((4, 128, 1024), (1, 64, 16384)), {"torch.fft code": _fft_code}, lowered=True)
