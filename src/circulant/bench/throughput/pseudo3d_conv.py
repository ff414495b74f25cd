"""Pseudo-3D convolution beside F.conv3d with both flat kernels."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.pseudo3d_conv import Pseudo3dConv


def _two(operator: Pseudo3dConv, x: Tensor) -> Tensor:
    within = operator.spatial_norm(F.conv3d(x, operator.spatial.weight, padding=(0, 1, 1))).relu()
    assert operator.temporal is not None and operator.temporal_norm is not None
    along = F.conv3d(within, operator.temporal.weight, padding=(1, 0, 0))
    return operator.temporal_norm(along).relu()


ENTRY = Throughput(
    make=lambda shape: Pseudo3dConv(shape[1]),
    shapes=((1, 32, 8, 14, 14), (1, 64, 16, 28, 28)),
    obvious={"conv3d": _two},
    lowered=False,
)
