r"""Convolution across the levels of a feature pyramid: each level hears of itself and of both neighbours.

    y_l = up(w_1 * x_(l+1) + b_1) + w_0 * x_l + b_0 + w_-1 * x_(l-1) + b_-1

Level 0 is the finest. w_-1 steps by 2; up interpolates linearly to the size of x_l, corners on corners. One
set of kernels serves all levels, so that it is a convolution in scale as well; beyond the ends lies nothing.
`equalized` lets the taps of all outputs but those of level 0 move, by offsets that a convolution of the same
size makes of each input: a real feature pyramid is no Gaussian one, and the same thing covers a different
number of samples in each level. Offsets start at zero.
Shapes: a list of x_l (B, C, H_l, W_l) -> a list of y_l (B, O, H_l, W_l), H_(l+1) = ceil(H_l / 2).

After Wang, Zhang, Yu, Feng and Zhang (2020), https://arxiv.org/abs/2005.03101.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ShapeError
from circulant.operators.spatial.movable_conv2d import MovableConv2d


@final
class PyramidConv2d(nn.Module):
    """The equation above, over a list of levels."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 3, *, equalized: bool = False
    ) -> None:
        super().__init__()

        def conv(stride: int) -> MovableConv2d:
            return MovableConv2d(in_channels, out_channels, kernel_size, stride, movable=equalized)

        self.coarser, self.same, self.finer = conv(1), conv(1), conv(2)

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        require_pyramid(levels, self.same.conv.settings.in_channels)
        outputs = []
        for level, x in enumerate(levels):
            moved = level > 0
            y = self.same(x, moved)
            if level > 0:
                y = y + self.finer(levels[level - 1], moved)
            if level + 1 < len(levels):
                y = y + _grown(self.coarser(levels[level + 1], moved), x)
            outputs.append(y)
        return outputs


@final
class IntegratedBatchNorm2d(nn.Module):
    """One batch norm whose mean and variance are those of all levels together.

    Shapes: a list of x_l (B, C, H_l, W_l) -> the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        if not self.norm.training:  # known statistics need no joint view
            return [self.norm(x) for x in levels]
        lines = [x.flatten(2) for x in levels]
        normed = self.norm(torch.cat(lines, 2).unsqueeze(2)).squeeze(2)
        parts = normed.split([line.shape[2] for line in lines], 2)
        return [part.reshape(x.shape) for part, x in zip(parts, levels)]


def require_pyramid(levels: Sequence[Tensor], channels: int) -> None:
    """Raise unless these are pictures of so many channels, each half the size of the one before."""
    shapes = [tuple(x.shape) for x in levels]
    if not shapes or any(len(shape) != 4 or shape[1] != channels for shape in shapes):
        raise ShapeError(f"expected levels (B, C, H, W) with C = {channels}, got {shapes}")
    for fine, coarse in pairwise(shapes):
        wanted = (fine[0], channels, *(-(-size // 2) for size in fine[2:]))
        if coarse != wanted:
            raise ShapeError(f"expected half the size, {wanted}, after a level {fine}, got {coarse}")


def _grown(y: Tensor, like: Tensor) -> Tensor:
    size = like.shape[2:]
    return F.interpolate(y, size=(size[0], size[1]), mode="bilinear", align_corners=True)
