"""Sparse shift beside torch's depthwise convolution with one-hot kernels, straight through the rounding."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.sparse_shift import SparseShift2d


def _one_hot(operator: SparseShift2d, x: Tensor) -> Tensor:
    reach = operator.reach
    grid = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)

    def share(displacement: Tensor) -> Tensor:
        down, right = F.relu(1 - (grid - displacement[..., None]).abs())
        return down[:, :, None] * right[:, None]

    real = share(operator.displacement)
    kernel = share(operator.displacement.detach().round()) + real - real.detach()
    return F.conv2d(x, kernel[:, None], padding=reach, groups=x.shape[1])


ENTRY = Throughput(
    make=lambda shape: SparseShift2d(shape[1], 1),
    shapes=((8, 64, 28, 28), (8, 192, 56, 56)),
    obvious={"conv2d": _one_hot},
    lowered=True,
)
