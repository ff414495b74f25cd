"""Recursive gated convolution beside convolutions of torch."""

import torch.nn.functional as F
from torch import Tensor, nn

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.gn_conv2d import GnConv2d

KERNEL = 7


def _pointwise(conv: nn.Module, x: Tensor) -> Tensor:
    return F.conv2d(x, conv.get_parameter("weight"), conv.get_parameter("bias"))


def convolutions(module: GnConv2d, x: Tensor) -> Tensor:
    y, rest = _pointwise(module.expand, x).split((module.widths[0], sum(module.widths)), 1)
    conv = module.neighbours
    kernel, bias = conv.get_parameter("weight"), conv.get_parameter("bias")
    seen = F.conv2d(rest, kernel, bias, padding=KERNEL // 2, groups=rest.shape[1]) * module.scale
    first, *others = seen.split(module.widths, 1)
    y = y * first
    for gate, factor in zip(module.gates, others):
        y = _pointwise(gate, y) * factor
    return _pointwise(module.project, y)


ENTRY = Throughput(
    make=lambda shape: GnConv2d(shape[1], 4, KERNEL, scale=1 / 3),
    shapes=((1, 64, 28, 28), (4, 128, 56, 56)),
    obvious={"F.conv2d": convolutions},
    lowered=False,
)
