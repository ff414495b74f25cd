"""SCNet: super-resolution without a convolution larger than 1x1; neighbours meet by moving channels.

Wu et al., "Fully 1times1 Convolutional Network for Lightweight Image Super-Resolution" (2023).
"""

from enum import Enum
from typing import final

import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.residual import Residual
from circulant.operators.spatial.shift_conv2d import ShiftConv2d

STAGES = {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}
"""Factors by which the picture grows, one after another."""
INITIAL_SCALE = 0.1  # of each kernel, as in the authors' code: at first the network interpolates


class ScNetUpsampling(Enum):
    """How a stage makes its picture larger."""

    BILINEAR = "features are interpolated, then mixed"
    PIXEL_SHUFFLE = "features are mixed, then laid out"


def _stage(channels: int, factor: int, upsampling: ScNetUpsampling) -> nn.Sequential:
    first = [nn.Conv2d(channels, channels, 1), nn.LeakyReLU(0.02)]
    if upsampling is ScNetUpsampling.PIXEL_SHUFFLE:
        spread = [ShiftConv2d(channels, channels * factor**2), nn.PixelShuffle(factor)]
        return nn.Sequential(*first, *spread, nn.LeakyReLU(0.1))
    grown = nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=False)
    return nn.Sequential(grown, *first, ShiftConv2d(channels, channels), nn.LeakyReLU(0.1))


@final
class ScNet(nn.Module):
    """Shapes: pictures (B, C, H, W) -> (B, C, factor H, factor W), C = in_channels, factor 2, 3, 4 or 8."""

    def __init__(
        self,
        factor: int = 4,
        channels: int = 64,
        depth: int = 16,
        *,
        in_channels: int = 3,
        upsampling: ScNetUpsampling = ScNetUpsampling.BILINEAR,
    ) -> None:
        super().__init__()
        if factor not in STAGES:
            raise ArgumentError(f"expected factor as one of {sorted(STAGES)}, got {factor}")
        self.factor = factor
        self.stem = nn.Sequential(nn.Conv2d(in_channels, channels, 1), nn.LeakyReLU(0.1))
        # ReLU leaves the zeros alone that are moved in, so it may come before the move
        self.body = nn.Sequential(*(
            Residual(
                nn.Sequential(
                    nn.Conv2d(channels, channels, 1), nn.ReLU(), ShiftConv2d(channels, channels)
                )
            )
            for _ in range(depth)
        ))  # fmt: skip
        self.grow = nn.Sequential(*(_stage(channels, stage, upsampling) for stage in STAGES[factor]))
        self.finish = nn.Sequential(
            nn.Conv2d(channels, channels, 1), nn.LeakyReLU(0.1), nn.Conv2d(channels, in_channels, 1)
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight)
                part.weight.data.mul_(INITIAL_SCALE)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def forward(self, x: Tensor) -> Tensor:
        smooth: Tensor = F.interpolate(x, scale_factor=self.factor, mode="bilinear", align_corners=False)
        detail: Tensor = self.finish(self.grow(self.body(self.stem(x))))
        return smooth + detail
