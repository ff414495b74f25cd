"""Wavelet gating beside strided convolution with the Haar filters and its transpose."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.wavelet_gating2d import WaveletGating2d


def _make(shape: Shape) -> WaveletGating2d:
    return WaveletGating2d(shape[1])


def _convolutions(operator: WaveletGating2d, x: Tensor) -> Tensor:
    signs = [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]
    haar = torch.tensor(signs, dtype=x.dtype, device=x.device).reshape(4, 1, 2, 2) / 2
    kernel = haar.repeat(x.shape[1], 1, 1, 1)
    gate = operator.expand(operator.reduce(x.mean((2, 3))).relu()).sigmoid()
    bands = F.conv2d(x, kernel, stride=2, groups=x.shape[1]).unflatten(1, (-1, 4))
    gated = (bands * gate[:, None, :, None, None]).flatten(1, 2)
    return F.conv_transpose2d(gated, kernel, stride=2, groups=x.shape[1])


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 56, 56), (4, 64, 224, 224)),
    obvious={"conv2d": _convolutions},
    lowered=False,
)
