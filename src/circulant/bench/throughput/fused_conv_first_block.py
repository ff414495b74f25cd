"""A convolution-first block beside its layers one by one."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.fused_conv_first_block import FusedConvFirstBlock


def _layers(module: FusedConvFirstBlock, x: Tensor) -> Tensor:
    conv, expand, project = module.conv, module.expand, module.project
    groups = x.shape[1] // conv.weight.shape[1]
    wide = F.conv2d(F.conv2d(x, conv.weight, conv.bias, padding=1, groups=groups), expand.weight, expand.bias)
    return x + F.conv2d(F.silu(wide), project.weight, project.bias)


ENTRY = Throughput(
    make=lambda shape: FusedConvFirstBlock(shape[1]),
    shapes=((4, 64, 28, 28), (2, 128, 56, 56)),
    obvious={"F.conv2d layer by layer": _layers},
    lowered=True,
)
