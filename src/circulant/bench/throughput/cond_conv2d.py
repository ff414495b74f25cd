"""Conditional convolution beside a grouped one, and beside the mixture of convolutions that it equals."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.cond_conv2d import CondConv2d

EXPERTS = 4


def _make(shape: Shape) -> CondConv2d:
    return CondConv2d(shape[1], shape[1], 3, padding=1, experts=EXPERTS)


def _grouped(module: CondConv2d, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    gates = module.route(x)
    kernels = torch.einsum("bn,noihw->boihw", gates, module.weight).flatten(0, 1)
    assert module.bias is not None
    biases = (gates @ module.bias).flatten()
    return F.conv2d(x.reshape(1, B * C, H, W), kernels, biases, padding=1, groups=B).view(B, -1, H, W)


def _mixture(module: CondConv2d, x: Tensor) -> Tensor:
    assert module.bias is not None
    experts = [F.conv2d(x, weight, bias, padding=1) for weight, bias in zip(module.weight, module.bias)]
    return torch.einsum("bn,nbchw->bchw", module.route(x), torch.stack(experts))


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 28, 28), (8, 128, 56, 56)),
    obvious={"grouped F.conv2d": _grouped, "mixture of F.conv2d": _mixture},
    lowered=False,
)
