"""Recursive convolution beside convolutions and interpolation of torch."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.recursive_conv2d import RecursiveConv2d

KERNEL, LEVELS = 5, 3


def convolutions(module: RecursiveConv2d, x: Tensor) -> Tensor:
    C = x.shape[1]
    pictures = [x]
    for _ in range(LEVELS):
        assert module.down is not None
        pictures.append(F.conv2d(pictures[-1], module.down, stride=2, padding=KERNEL // 2, groups=C))
    y = x.new_zeros(())
    for step, (conv, picture) in enumerate(zip(module.convs, reversed(pictures))):
        if step > 0:
            y = F.interpolate(y, size=picture.shape[2:], mode="bilinear")
        y = F.conv2d(picture + y, conv.get_parameter("weight"), padding=KERNEL // 2, groups=C)
    return y


ENTRY = Throughput(
    make=lambda shape: RecursiveConv2d(shape[1], KERNEL, LEVELS),
    shapes=((1, 64, 56, 56), (8, 128, 56, 56)),
    obvious={"F.conv2d": convolutions},
    lowered=True,
)
