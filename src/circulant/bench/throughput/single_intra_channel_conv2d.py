"""Single intra-channel convolution beside torch's depthwise and pointwise convolutions."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.single_intra_channel_conv2d import SingleIntraChannelConv2d


def _conv2d(operator: SingleIntraChannelConv2d, x: Tensor) -> Tensor:
    for layer in operator.stack:
        weight, bias, mix = (getattr(layer, name) for name in ("weight", "bias", "mix"))
        seen = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2, groups=x.shape[1])
        x = torch.relu(x + F.conv2d(seen, mix.weight, mix.bias))
    return x


ENTRY = Throughput(
    make=lambda shape: SingleIntraChannelConv2d(shape[1], shape[1], layers=2),
    shapes=((8, 64, 28, 28), (4, 128, 56, 56)),
    obvious={"conv2d": _conv2d},
    lowered=False,
)
