"""Tunable convolution with a tuning for each example, beside one call of F.conv2d for each."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.tunable_conv import TunableConv2d, tune


def _make(shape: Shape) -> TunableConv2d:
    module = TunableConv2d(shape[1], shape[1], 3, padding=1)
    tune(module, torch.rand(shape[0], module.knobs, generator=torch.Generator().manual_seed(0)))
    return module


def _examples(module: TunableConv2d, x: Tensor) -> Tensor:
    assert module.mixing is not None
    kernels = torch.einsum("bn,noihw->boihw", module.mixing(module.tuning), module.weight)
    return torch.cat([F.conv2d(one[None], kernel, padding=1) for one, kernel in zip(x, kernels)])


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 28, 28), (8, 64, 112, 112)),
    obvious={"F.conv2d for each example": _examples},
    lowered=False,
)
