"""Edge-preserving convolution beside its branches, one convolution each."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.edge_preserving_conv2d import EdgePreservingConv2d


def _make(shape: Shape) -> EdgePreservingConv2d:
    return EdgePreservingConv2d(shape[1])


def _branches(module: Any, x: Tensor) -> Tensor:
    C = x.shape[1]
    y = F.conv2d(x, module.weight, module.bias, padding=1, groups=C)
    for edge, scale, shift in zip(module.edges, module.scale, module.shift):
        y = y + F.conv2d(x, scale[:, None, None, None] * edge, shift, padding=1, groups=C)
    return y


ENTRY = Throughput(
    make=_make,
    shapes=((4, 96, 48, 48), (1, 96, 180, 320)),
    obvious={"F.conv2d for each branch": _branches},
    lowered=True,
)
