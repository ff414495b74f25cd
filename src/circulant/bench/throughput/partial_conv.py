"""Partial convolution beside a split, a convolution and a concatenation."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.partial_conv import PartialConv2d


def _split(operator: PartialConv2d, x: Tensor) -> Tensor:
    c = operator.weight.shape[0]
    first, rest = x.split((c, x.shape[1] - c), 1)
    return torch.cat((F.conv2d(first, operator.weight, padding=1), rest), 1)


ENTRY = Throughput(
    make=lambda shape: PartialConv2d(shape[1]),
    shapes=((8, 64, 28, 28), (8, 128, 56, 56)),
    obvious={"split, conv2d, cat": _split},
    lowered=False,
)
