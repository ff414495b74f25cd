"""FourierMixing1d beside the one line of the paper."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.nn import FourierMixing1d


def _make(shape: Shape) -> FourierMixing1d:
    return FourierMixing1d(shape[1])


def _fft2(operator: FourierMixing1d, x: Tensor) -> Tensor:
    return torch.fft.fft2(x).real


ENTRY = Throughput(_make, ((8, 256, 512), (2, 128, 8192)), {"torch.fft code": _fft2}, lowered=True)
