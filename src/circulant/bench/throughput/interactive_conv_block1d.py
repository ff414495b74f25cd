"""The interactive convolution block beside three of torch's convolutions."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.interactive_conv_block1d import InteractiveConvBlock1d


def _three_convolutions(module: InteractiveConvBlock1d, x: Tensor) -> Tensor:
    narrow = F.conv1d(x, module.narrow.weight, module.narrow.bias)
    wide = F.conv1d(x, module.wide.weight, module.wide.bias, padding=1)
    mixed = narrow * F.gelu(wide) + wide * F.gelu(narrow)
    return F.conv1d(mixed, module.project.weight, module.project.bias)


ENTRY = Throughput(
    make=lambda shape: InteractiveConvBlock1d(shape[1]),
    shapes=((16, 32, 64), (16, 128, 256)),
    obvious={"conv1d": _three_convolutions},
    lowered=False,
)
