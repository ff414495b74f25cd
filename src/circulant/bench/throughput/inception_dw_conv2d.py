"""An Inception depthwise convolution beside three convolutions of torch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.inception_dw_conv2d import InceptionDWConv2d


def convolutions(module: InceptionDWConv2d, x: Tensor) -> Tensor:
    g = module.branch_channels
    passed, *parts = x.split((x.shape[1] - 3 * g, g, g, g), 1)
    seen = [
        F.conv2d(part, conv.weight, conv.bias, padding=(conv.kernel[0] // 2, conv.kernel[1] // 2), groups=g)
        for part, conv in zip(parts, (module.square, module.wide, module.tall))
    ]
    return torch.cat([passed, *seen], 1)


ENTRY = Throughput(
    make=lambda shape: InceptionDWConv2d(shape[1]),
    shapes=((1, 96, 56, 56), (8, 192, 56, 56)),
    obvious={"F.conv2d": convolutions},
    lowered=True,
)
