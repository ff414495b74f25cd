"""Atrous convolution beside torch's dilated one."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.atrous_conv import AtrousConv2d


def _make(shape: Shape) -> AtrousConv2d:
    return AtrousConv2d(shape[1], shape[1], 3)


def _dilated(module: Any, x: Tensor) -> Tensor:
    return F.conv2d(x, module.weight, module.bias, padding=2, dilation=2)


ENTRY = Throughput(
    make=_make, shapes=((4, 64, 28, 28), (2, 128, 65, 65)), obvious={"F.conv2d": _dilated}, lowered=False
)
