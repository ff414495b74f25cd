"""Deformable convolution of limited range beside torch's own bilinear sampling, tap by tap."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.hardware_deform_conv2d import HardwareDeformConv2d


def _make(shape: Shape) -> HardwareDeformConv2d:
    """Places of their own for all taps: at whole ones, where they start, two slopes meet."""
    operator = HardwareDeformConv2d(shape[1], shape[1])
    nn.init.normal_(operator.places.layer.weight, std=0.05)
    return operator


def _grid_sampled(operator: HardwareDeformConv2d, x: Tensor) -> Tensor:
    H, W = x.shape[2:]
    told = operator.places.layer(x).clamp(-operator.places.bound, operator.places.bound).unflatten(1, (-1, 2))
    y = x.new_zeros(())
    for tap, moved in enumerate(told.unbind(1)):
        i, j = tap // 3, tap % 3
        down = torch.arange(H, device=x.device)[:, None] + i - 1 + moved[:, 0]
        right = torch.arange(W, device=x.device) + j - 1 + moved[:, 1]
        grid = torch.stack([(2 * right + 1) / W - 1, (2 * down + 1) / H - 1], dim=-1)
        met = F.grid_sample(x, grid, align_corners=False)
        y = y + F.conv2d(met, operator.weight[:, :, i, j, None, None])
    return y


ENTRY = Throughput(
    make=_make,
    shapes=((4, 32, 28, 28), (4, 64, 56, 56)),
    obvious={"grid_sample": _grid_sampled},
    lowered=True,
)
