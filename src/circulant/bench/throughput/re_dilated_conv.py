"""A kernel spread by a fraction beside two interpolations and F.conv2d."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.re_dilated_conv import ReDilatedConv2d


def _make(shape: Shape) -> ReDilatedConv2d:
    return ReDilatedConv2d(shape[1], shape[1], 3, padding=1, factor=1.5)


def _plain(module: ReDilatedConv2d, x: Tensor) -> Tensor:
    H, W = x.shape[2:]
    stretched = F.interpolate(x, size=(round(H * 4 / 3), round(W * 4 / 3)), mode="bilinear")
    y = F.conv2d(stretched, module.weight, module.bias, padding=2, dilation=2)
    return F.interpolate(y, size=(H, W), mode="bilinear")


ENTRY = Throughput(
    make=_make,
    shapes=((2, 32, 48, 48), (2, 64, 96, 96)),
    obvious={"F.conv2d": _plain},
    lowered=False,
)
