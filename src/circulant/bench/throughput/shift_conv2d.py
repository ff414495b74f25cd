"""Shift convolution beside slices of a padded copy written into zeros."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.shift_conv2d import DIRECTIONS, ShiftConv2d


def _make(shape: Shape) -> ShiftConv2d:
    return ShiftConv2d(shape[1], shape[1])


def _sliced(operator: ShiftConv2d, x: Tensor) -> Tensor:
    g, (H, W) = x.shape[1] // 8, x.shape[2:]
    outer, moved = F.pad(x, (1, 1, 1, 1)), torch.zeros_like(x)
    for i, (down, right) in enumerate(DIRECTIONS):
        own = slice(g * i, g * (i + 1))
        moved[:, own] = outer[:, own, 1 + down : 1 + down + H, 1 + right : 1 + right + W]
    return F.conv2d(moved, operator.pointwise.weight, operator.pointwise.bias)


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 48, 48), (4, 64, 128, 128)),
    obvious={"slices": _sliced},
    lowered=False,
)
