"""Multiresolution convolution beside the loop over levels with two dilated convolutions each."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.multires_conv1d import MultiresConv1d


def _two_convolutions_for_each_level(module: MultiresConv1d, x: Tensor) -> Tensor:
    low, high = (filters.flip(-1)[:, None] for filters in (module.low, module.high))
    C, levels, w = module.channels, module.levels, module.weight
    y, coarse = w[:, -1:] * x, x
    for j in range(levels):
        padded = F.pad(coarse, ((low.shape[-1] - 1) * 2**j, 0))
        y = y + w[:, levels - j, None] * F.conv1d(padded, high, dilation=2**j, groups=C)
        coarse = F.conv1d(padded, low, dilation=2**j, groups=C)
    return y + w[:, :1] * coarse


ENTRY = Throughput(
    make=lambda shape: MultiresConv1d(shape[1], shape[2], 4),
    shapes=((4, 64, 512), (8, 128, 2048)),
    obvious={"conv1d": _two_convolutions_for_each_level},
    lowered=True,
)
