"""Convolution with self-moving points beside its kernel in plain torch, and torch's convolution."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.smp_conv import SMPConv2d

KERNEL = 31


def _make(shape: Shape) -> SMPConv2d:
    C = shape[1]
    return SMPConv2d(C, C, KERNEL, padding=KERNEL // 2, groups=C)


def _conv2d(operator: SMPConv2d, x: Tensor) -> Tensor:
    axis = torch.linspace(-1, 1, KERNEL, dtype=x.dtype, device=x.device)
    places = torch.stack(torch.meshgrid(axis, axis, indexing="ij")).flatten(1)
    points = operator.points
    distance = (points.position[0, :, :, None] - places[:, None]).abs().sum(0)
    share = F.relu(1 - distance / points.radius[0, :, None])
    kernel = (points.weight[:, 0] @ share).reshape(-1, 1, KERNEL, KERNEL)
    return F.conv2d(x, kernel, operator.bias, padding=KERNEL // 2, groups=x.shape[1])


ENTRY = Throughput(
    make=_make,
    shapes=((2, 64, 28, 28), (2, 96, 56, 56)),
    obvious={"conv2d": _conv2d},
    lowered=True,
)
