"""A merged large kernel beside torch's depthwise convolution."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.large_kernel_conv import LargeKernelConv2d

KERNEL = 13


def convolution(module: LargeKernelConv2d, x: Tensor) -> Tensor:
    single = module.body.merged()
    return F.conv2d(x, single.weight, single.bias, padding=KERNEL // 2, groups=x.shape[1])


ENTRY = Throughput(
    make=lambda shape: LargeKernelConv2d(shape[1], KERNEL, merged=True),
    shapes=((2, 32, 28, 28), (4, 160, 28, 28)),
    obvious={"F.conv2d": convolution},
    lowered=True,
)
