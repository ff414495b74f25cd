"""Deformable convolution, fourth form, beside torch's own sampler a tap at a time."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.deformable_conv2d_v4 import DeformableConv2dV4

GROUPS = 4


def _make(shape: Shape) -> DeformableConv2dV4:
    module = DeformableConv2dV4(shape[1], groups=GROUPS)
    torch.nn.init.normal_(module.sampling.weight, std=0.1)
    return module


def _grid_sample(module: DeformableConv2dV4, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    last = x.permute(0, 2, 3, 1)
    v = module.value(last).permute(0, 3, 1, 2).reshape(B * GROUPS, C // GROUPS, H, W)
    rows = module.sampling(last)[..., : 27 * GROUPS].reshape(B, H, W, GROUPS, 27).permute(0, 3, 1, 2, 4)
    rows, z = rows.flatten(0, 1), torch.zeros_like(v)
    for m in range(9):
        right = rows[..., 2 * m] + torch.arange(W, device=x.device) + m // 3 - 1
        down = rows[..., 2 * m + 1] + torch.arange(H, device=x.device)[:, None] + m % 3 - 1
        grid = torch.stack([(2 * right + 1) / W - 1, (2 * down + 1) / H - 1], -1)
        z = z + F.grid_sample(v, grid, align_corners=False) * rows[:, None, ..., 18 + m]
    return module.output(z.reshape(B, C, H, W).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


ENTRY = Throughput(
    make=_make,
    shapes=((2, 64, 28, 28), (1, 128, 56, 56)),
    obvious={"F.grid_sample": _grid_sample},
    lowered=True,
)
