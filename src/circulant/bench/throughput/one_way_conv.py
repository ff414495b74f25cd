"""One-way filters beside an einsum over their terms and F.conv2d."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.one_way_conv import OneWayConv2d


def _make(shape: Shape) -> OneWayConv2d:
    return OneWayConv2d(shape[1], shape[1], 5, padding=2, rank=2)


def _dense(module: OneWayConv2d, x: Tensor) -> Tensor:
    weight = torch.einsum("oirh,oirw->oihw", *module.factors)
    return F.conv2d(x, weight, module.bias, padding=2)


ENTRY = Throughput(
    make=_make,
    shapes=((2, 32, 48, 48), (2, 64, 96, 96)),
    obvious={"F.conv2d": _dense},
    lowered=False,
)
