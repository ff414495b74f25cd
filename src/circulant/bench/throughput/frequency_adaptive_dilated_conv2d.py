"""Frequency-adaptive dilated convolution beside torch's own sampler, a tap at a time."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.frequency_adaptive_dilated_conv2d import FrequencyAdaptiveDilatedConv2d


def _make(shape: Shape) -> FrequencyAdaptiveDilatedConv2d:
    return FrequencyAdaptiveDilatedConv2d(shape[1], shape[1], dilation=2, bands=()).eval()


def _grid_sample(module: FrequencyAdaptiveDilatedConv2d, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    outer, sampling = F.pad(x, (1, 1, 1, 1), mode="replicate"), module.sampling
    rows = F.conv2d(outer, sampling.conv.weight, sampling.conv.bias)
    spacing, mask, samples = 1 + sampling.dilation * rows[:, 0].abs(), rows[:, 1:].sigmoid(), []
    for m in range(9):
        down = torch.arange(H, device=x.device)[:, None] + 1 + (m // 3 - 1) * spacing
        right = torch.arange(W, device=x.device) + 1 + (m % 3 - 1) * spacing
        grid = torch.stack([(2 * right + 1) / (W + 2) - 1, (2 * down + 1) / (H + 2) - 1], -1)
        samples.append(F.grid_sample(outer, grid, align_corners=False) * mask[:, m, None])
    kernels = module.adapt(x, module.weight).flatten(2)
    y = (kernels @ torch.stack(samples, 2).view(B, C * 9, H * W)).view(B, -1, H, W)
    return y if module.bias is None else y + module.bias[:, None, None]


ENTRY = Throughput(
    make=_make,
    shapes=((2, 64, 28, 28), (2, 64, 56, 56)),
    obvious={"F.grid_sample and a matrix product": _grid_sample},
    lowered=True,
)
