"""Separable convolution in four dimensions beside three F.conv3d."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.separable_conv4d import SeparableConv4d


def _three(operator: SeparableConv4d, x: Tensor) -> Tensor:
    B, _, T, D, H, W = x.shape
    assert operator.depth is not None
    plane, depth, phase = operator.plane, operator.depth, operator.phase
    y = F.conv3d(x.flatten(2, 3), plane.weight, plane.bias, padding=(0, 1, 1)).reshape(B, -1, T, D, H, W)
    rows = x.flatten(4)
    across = F.pad(rows, (0, 0, 1, 1, 0, 0), mode="replicate")
    y = y + F.conv3d(across, depth.weight, depth.bias).reshape(y.shape)
    around = F.pad(rows, (0, 0, 0, 0, 1, 1), mode="circular")
    return y + F.conv3d(around, phase.weight[..., None], phase.bias).reshape(y.shape)


ENTRY = Throughput(
    make=lambda shape: SeparableConv4d(shape[1], shape[1]),
    shapes=((1, 16, 10, 4, 16, 16), (1, 16, 10, 8, 48, 48)),
    obvious={"three conv3d": _three},
    lowered=False,
)
