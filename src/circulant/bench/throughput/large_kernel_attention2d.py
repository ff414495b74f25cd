"""Large kernel attention beside convolutions of torch."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.large_kernel_attention2d import LargeKernelAttention2d


def convolutions(module: LargeKernelAttention2d, x: Tensor) -> Tensor:
    C, local, distant = x.shape[1], module.local, module.distant
    near = F.conv2d(x, local.weight, local.bias, padding=2, groups=C)
    far = F.conv2d(near, distant.weight, distant.bias, padding=9, dilation=3, groups=C)
    return x * F.conv2d(far, module.pointwise.weight, module.pointwise.bias)


ENTRY = Throughput(
    make=lambda shape: LargeKernelAttention2d(shape[1]),
    shapes=((1, 64, 56, 56), (4, 128, 56, 56)),
    obvious={"F.conv2d": convolutions},
    lowered=False,
)
