"""RecNeXt: a light network whose blocks see far by recursive convolutions, the furthest on the finest grid.

After Zhao, Luo and Ouyang (2024), RecConv: Efficient Recursive Convolutions for Multi-Frequency
Representations, https://arxiv.org/abs/2412.19628, and the published code of its M series.
"""

from dataclasses import dataclass
from typing import final

from torch import nn

from circulant.models.distilled_head import DistilledHead
from circulant.models.inverted_residual import conv_norm
from circulant.models.residual import Residual
from circulant.models.stages import StagedNetwork
from circulant.operators.spatial.recursive_conv2d import RecursiveConv2d

MLP_RATIO, KERNEL, DOWN_KERNEL = 2, 5, 7


@final
@dataclass(frozen=True, slots=True)
class RecNextDesign:
    """Channels of the first stage, twice as many in each further one; blocks and levels in each stage."""

    width: int
    depths: tuple[int, ...]
    levels: tuple[int, ...] = (4, 3, 2, 1)


REC_NEXT_M0 = RecNextDesign(40, (2, 2, 9, 1))  # 2.5 million parameters with one of the two heads
REC_NEXT_M1 = RecNextDesign(48, (3, 3, 15, 2))  # 5.2 million
REC_NEXT_M2 = RecNextDesign(56, (3, 3, 15, 2))  # 6.8 million
REC_NEXT_M3 = RecNextDesign(64, (3, 3, 13, 2))  # 8.2 million
REC_NEXT_M4 = RecNextDesign(64, (5, 5, 25, 4))  # 14.1 million
REC_NEXT_M5 = RecNextDesign(80, (7, 7, 35, 2))  # 22.9 million


def normed_mlp(channels: int) -> nn.Sequential:
    """Two linear maps of the channels, a batch norm after each, GELU in between."""
    hidden = MLP_RATIO * channels
    return nn.Sequential(
        conv_norm(channels, hidden, 1, act=False), nn.GELU(), conv_norm(hidden, channels, 1, act=False)
    )


def recursive_block(channels: int, levels: int) -> Residual:
    """x + mlp(batch_norm(recursive convolution of x)).  Shapes: x (B, C, H, W) -> y (B, C, H, W)."""
    mixer = RecursiveConv2d(channels, KERNEL, levels)
    return Residual(nn.Sequential(mixer, nn.BatchNorm2d(channels), normed_mlp(channels)))


@final
class RecNext(StagedNetwork):
    """Two strided convolutions, stages of blocks with a strided depthwise convolution in front, two heads.

    Shapes: x (B, in_channels, H, W) -> logits (B, classes); `head.both` has the two opinions apart.
    """

    def __init__(
        self, design: RecNextDesign = REC_NEXT_M3, classes: int = 1000, in_channels: int = 3
    ) -> None:
        stages: list[list[nn.Module]] = []
        width = design.width
        for depth, levels in zip(design.depths, design.levels, strict=True):
            down = _down(width // 2) if stages else _stem(in_channels, width)
            stages.append([*down, *(recursive_block(width, levels) for _ in range(depth))])
            width *= 2
        super().__init__(stages, DistilledHead(width // 2, classes))


def _stem(in_channels: int, channels: int) -> list[nn.Module]:
    first = conv_norm(in_channels, channels // 2, 3, stride=2, act=False)
    return [first, nn.GELU(), conv_norm(channels // 2, channels, 3, stride=2, act=False)]


def _down(in_channels: int) -> list[nn.Module]:
    channels = 2 * in_channels
    conv = nn.Conv2d(in_channels, channels, DOWN_KERNEL, 2, DOWN_KERNEL // 2, groups=in_channels)
    return [conv, nn.BatchNorm2d(channels), Residual(normed_mlp(channels))]
