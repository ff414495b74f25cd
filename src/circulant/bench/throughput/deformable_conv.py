"""Deformable convolution beside torch's own sampler, a tap at a time."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.deformable_conv import DeformableConv2d


def _make(shape: Shape) -> DeformableConv2d:
    module = DeformableConv2d(shape[1], shape[1], 3, padding=1)
    torch.nn.init.normal_(module.offset_weight, std=0.02)
    return module


def _grid_sample(module: DeformableConv2d, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    rows = F.conv2d(x, module.offset_weight, module.offset_bias, padding=1)
    offset, mask = rows[:, :18].view(B, 9, 2, H, W), rows[:, 18:].sigmoid()
    samples = []
    for m in range(9):
        down = offset[:, m, 0] + torch.arange(H, device=x.device)[:, None] + m // 3 - 1
        right = offset[:, m, 1] + torch.arange(W, device=x.device) + m % 3 - 1
        grid = torch.stack([(2 * right + 1) / W - 1, (2 * down + 1) / H - 1], -1)
        samples.append(F.grid_sample(x, grid, align_corners=False) * mask[:, m, None])
    columns = torch.stack(samples, 2).view(B, C * 9, H * W)
    y = (module.weight.flatten(1) @ columns).view(B, -1, H, W)
    return y if module.bias is None else y + module.bias.view(-1, 1, 1)


ENTRY = Throughput(
    make=_make,
    shapes=((2, 64, 28, 28), (2, 64, 56, 56)),
    obvious={"F.grid_sample and a matrix product": _grid_sample},
    lowered=True,
)
