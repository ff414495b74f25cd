"""Space to depth and a convolution beside slices, torch.cat and F.conv2d."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.space_to_depth_conv import SpaceToDepthConv2d


def _make(shape: Shape) -> SpaceToDepthConv2d:
    return SpaceToDepthConv2d(shape[1], 2 * shape[1], 3, padding=1)


def _slices(module: SpaceToDepthConv2d, x: Tensor) -> Tensor:
    parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
    return F.conv2d(torch.cat(parts, 1), module.weight, module.bias, padding=1)


ENTRY = Throughput(
    make=_make,
    shapes=((2, 32, 56, 56), (2, 64, 112, 112)),
    obvious={"F.conv2d": _slices},
    lowered=False,
)
