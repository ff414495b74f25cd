"""Involution beside unfolded windows, each weighted by the kernel of its position."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.involution2d import Involution2d


def _make(shape: Shape) -> Involution2d:
    return Involution2d(shape[1])


def _unfold(module: Involution2d, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    size = module.kernel[0]
    kernels = module.span(module.norm(module.reduce(x)).relu())
    windows = F.unfold(x, size, padding=size // 2).view(B, module.groups, -1, size**2, H, W)
    return (kernels.view(B, module.groups, 1, size**2, H, W) * windows).sum(3).view(B, C, H, W)


ENTRY = Throughput(
    make=_make,
    shapes=((4, 64, 28, 28), (4, 64, 56, 56)),
    obvious={"F.unfold": _unfold},
    lowered=True,
)
