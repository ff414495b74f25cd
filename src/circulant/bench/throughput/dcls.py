"""Convolution with learnable spacings beside its kernel written out with einsum, and torch's convolution."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.dcls import Dcls2d

KERNEL, POINTS = 17, 26


def _make(shape: Shape) -> Dcls2d:
    C = shape[1]
    return Dcls2d(C, C, KERNEL, padding=KERNEL // 2, groups=C, points=POINTS)


def _conv2d(operator: Dcls2d, x: Tensor) -> Tensor:
    grid = torch.arange(KERNEL, dtype=x.dtype, device=x.device) - KERNEL // 2
    assert operator.spread is not None
    width = 0.27 + operator.spread.abs()
    share = torch.exp(-0.5 * ((grid - operator.position[..., None]) / width[..., None]) ** 2)
    plane = torch.einsum("oipm,oipn->oipmn", share[0], share[1])
    plane = plane / (plane.sum((-2, -1), keepdim=True) + 1e-7)
    kernel = torch.einsum("oip,oipmn->oimn", operator.weight, plane)
    return F.conv2d(x, kernel, operator.bias, padding=KERNEL // 2, groups=x.shape[1])


ENTRY = Throughput(
    make=_make,
    shapes=((2, 64, 28, 28), (4, 96, 56, 56)),
    obvious={"conv2d": _conv2d},
    lowered=True,
)
