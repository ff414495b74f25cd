"""ConvNeXt: blocks of a 7x7 depthwise convolution and an MLP, the plain network that many others start from.

After Liu, Mao, Wu, Feichtenhofer, Darrell and Xie (2022), A ConvNet for the 2020s,
https://arxiv.org/abs/2201.03545.
"""

from dataclasses import dataclass, replace
from typing import final

from torch import nn

from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.initial_weights import narrow_normal_weights
from circulant.models.residual import Residual
from circulant.models.stages import StagedNetwork, drop_path_rates
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d

PATCH, MLP_RATIO = 4, 4
FIRST_SCALE, EPS = 1e-6, 1e-6


@final
@dataclass(frozen=True, slots=True)
class ConvNeXtDesign:
    """Channels and number of blocks of each stage."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    kernel: int = 7


CONV_NEXT_T = ConvNeXtDesign((96, 192, 384, 768), (3, 3, 9, 3))  # 28.6 million parameters
CONV_NEXT_S = replace(CONV_NEXT_T, depths=(3, 3, 27, 3))  # 50.2 million
CONV_NEXT_B = replace(CONV_NEXT_S, widths=(128, 256, 512, 1024))  # 88.6 million
CONV_NEXT_L = replace(CONV_NEXT_S, widths=(192, 384, 768, 1536))  # 197.8 million


def conv_next_block(
    channels: int, kernel: int = 7, *, scale: float = FIRST_SCALE, drop_path: float = 0.0
) -> Residual:
    """x + scale mlp(norm(depthwise(x))).  Shapes: x (B, C, H, W) -> y (B, C, H, W)."""
    branch = nn.Sequential(
        DepthwiseConv2d(channels, (kernel, kernel)),
        ChannelLayerNorm(channels, EPS),
        ChannelMlp(channels, MLP_RATIO * channels),
    )
    return Residual(branch, channels=channels, scale=scale, drop_path=drop_path)


@final
class ConvNeXt(StagedNetwork):
    """Patches of 4x4, stages of blocks, a linear map of the normed mean.

    Shapes: x (B, in_channels, H, W) -> logits (B, classes). scale: what blocks start at.
    """

    def __init__(
        self,
        design: ConvNeXtDesign = CONV_NEXT_T,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        scale: float = FIRST_SCALE,
        drop_path: float = 0.0,
    ) -> None:
        stages: list[list[nn.Module]] = []
        before, rates = in_channels, drop_path_rates(drop_path, design.depths)
        for width, dropped in zip(design.widths, rates, strict=True):
            coarser = normed_downsampling(before, width) if stages else normed_patches(before, width)
            blocks = (conv_next_block(width, design.kernel, scale=scale, drop_path=rate) for rate in dropped)
            stages.append([*coarser, *blocks])
            before = width
        super().__init__(stages, normed_mean_head(before, classes))
        narrow_normal_weights(self)


def normed_patches(in_channels: int, channels: int) -> list[nn.Module]:
    """x (B, in_channels, H, W) -> (B, channels, H / 4, W / 4)."""
    return [nn.Conv2d(in_channels, channels, PATCH, PATCH), ChannelLayerNorm(channels, EPS)]


def normed_downsampling(in_channels: int, channels: int) -> list[nn.Module]:
    """x (B, in_channels, H, W) -> (B, channels, H / 2, W / 2)."""
    return [ChannelLayerNorm(in_channels, EPS), nn.Conv2d(in_channels, channels, 2, 2)]


def normed_mean_head(channels: int, classes: int) -> nn.Sequential:
    """x (B, channels, H, W) -> logits (B, classes)."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(channels, EPS), nn.Linear(channels, classes)
    )
