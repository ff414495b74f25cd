"""Topological subdivisioning beside torch's 1x1 convolution with all the zeros."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.topological_pointwise import TopologicalPointwise


def _make(shape: Shape) -> TopologicalPointwise:
    return TopologicalPointwise(shape[1], (16, shape[1] // 16), (3, 3))


def _conv2d(operator: TopologicalPointwise, x: Tensor) -> Tensor:
    index = operator.neighbours().to(x.device)
    dense = operator.weight.new_zeros(x.shape[1], x.shape[1]).scatter_add(1, index, operator.weight)
    return F.conv2d(x, dense[..., None, None], operator.bias)


ENTRY = Throughput(
    make=_make,
    shapes=((8, 256, 14, 14), (8, 512, 28, 28)),
    obvious={"conv2d": _conv2d},
    lowered=True,
)
