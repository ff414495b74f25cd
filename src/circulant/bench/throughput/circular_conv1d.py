"""Circular convolution beside a circular pad and F.conv1d."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.circular_conv1d import CircularConv1d


def _padded(operator: CircularConv1d, x: Tensor) -> Tensor:
    reach = operator.conv.weight.shape[2] // 2
    return F.conv1d(F.pad(x, (reach, reach), mode="circular"), operator.conv.weight, operator.conv.bias)


ENTRY = Throughput(
    make=lambda shape: CircularConv1d(shape[1], shape[1], 3),
    shapes=((8, 32, 256), (8, 64, 4096)),
    obvious={"pad, conv1d": _padded},
    lowered=False,
)
