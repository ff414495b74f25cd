"""Region adaptive convolution beside unfolded windows, with codes spread out before they are mixed."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.region_adaptive_conv2d import RegionAdaptiveConv2d


def _make(shape: Shape) -> RegionAdaptiveConv2d:
    return RegionAdaptiveConv2d(shape[1])


def _unfolded(operator: RegionAdaptiveConv2d, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    h = operator.embed(x)
    codes = F.interpolate(operator.narrow(F.adaptive_avg_pool2d(x, operator.grid)), size=(H, W))
    weight = torch.cat([operator.mix.weight, operator.mix_prototype.weight], 1)
    made = F.leaky_relu(F.conv2d(torch.cat([h, codes], 1), weight, operator.mix.bias), 0.1)
    kernel = operator.span(F.leaky_relu(operator.gather(made), 0.1)).view(B, C, -1, H, W)
    windows = F.unfold(h, operator.kernel_size, padding=operator.kernel_size // 2).view(B, C, -1, H, W)
    z = torch.einsum("bckhw,bckhw->bchw", windows, kernel)
    return x + operator.project(z * operator.gate(z.mean((2, 3), keepdim=True)).sigmoid())


ENTRY = Throughput(
    make=_make,
    shapes=((4, 32, 32, 32), (2, 96, 64, 64)),
    obvious={"unfold": _unfolded},
    lowered=True,
)
