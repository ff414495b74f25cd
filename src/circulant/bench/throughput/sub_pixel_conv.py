"""Sub-pixel convolution beside torch's convolution and pixel shuffle."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.sub_pixel_conv import SubPixelConv2d


def _make(shape: Shape) -> SubPixelConv2d:
    return SubPixelConv2d(shape[1], shape[1], 3, padding=1)


def _pixel_shuffle(module: Any, x: Tensor) -> Tensor:
    return F.pixel_shuffle(F.conv2d(x, module.weight, module.bias, padding=1), 2)


ENTRY = Throughput(
    make=_make,
    shapes=((4, 32, 56, 56), (1, 64, 180, 320)),
    obvious={"F.conv2d and F.pixel_shuffle": _pixel_shuffle},
    lowered=False,
)
