"""Weighted convolution beside torch's convolution with the kernel times its density."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.weighted_conv import WeightedConv2d


def _make(shape: Shape) -> WeightedConv2d:
    C = shape[1]
    return WeightedConv2d(C, C, 7, padding=3, groups=C)


def _conv2d(operator: WeightedConv2d, x: Tensor) -> Tensor:
    alpha = torch.cat([operator.density, operator.density.new_ones(1), operator.density.flip(0)])
    return F.conv2d(x, operator.weight * torch.outer(alpha, alpha), padding=3, groups=x.shape[1])


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 28, 28), (8, 96, 56, 56)),
    obvious={"conv2d": _conv2d},
    lowered=True,
)
