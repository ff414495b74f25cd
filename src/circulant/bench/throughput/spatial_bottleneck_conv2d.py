"""Spatial bottleneck beside torch's strided, pointwise and transposed convolutions."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.spatial_bottleneck_conv2d import SpatialBottleneckConv2d


def _conv2d(operator: SpatialBottleneckConv2d, x: Tensor) -> Tensor:
    coarse = F.conv2d(x, operator.down, stride=2, groups=x.shape[1])
    mixed = F.conv2d(coarse, operator.mix.weight)
    return F.conv_transpose2d(mixed, operator.up, operator.bias, stride=2, groups=mixed.shape[1])


ENTRY = Throughput(
    make=lambda shape: SpatialBottleneckConv2d(shape[1], shape[1]),
    shapes=((8, 64, 28, 28), (4, 128, 56, 56)),
    obvious={"conv2d": _conv2d},
    lowered=False,
)
