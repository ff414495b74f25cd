"""Attentive convolution as published: every position mapped, then averaged over bins; grouped convolution."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.attentive_conv2d import AttentiveConv2d


def _make(shape: Shape) -> AttentiveConv2d:
    return AttentiveConv2d(shape[1])


def _grouped(module: AttentiveConv2d, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    size = module.kernel[0]
    routed = F.conv2d(x, module.route.weight[:, :, None, None], module.route.bias).flatten(2)
    kernels = module.span(F.gelu(F.adaptive_avg_pool1d(routed, size**2)))
    kernels = kernels - module.inhibition.sigmoid()[:, None] * kernels.mean(2, keepdim=True)
    value = module.value(x).reshape(1, B * C, H, W)
    z = F.conv2d(value, kernels.reshape(B * C, 1, size, size), padding=size // 2, groups=B * C)
    y: Tensor = module.output(z.reshape(B, C, H, W))
    return y


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 56, 56), (8, 128, 112, 112)),
    obvious={"grouped F.conv2d": _grouped},
    lowered=False,
)
