"""One network for every spatial token mixer: only what mixes positions differs.

A stem and transitions of strided 3x3 convolutions, blocks of x + a mixer(norm(x)) and x + b mlp(norm(x)), a
norm after each stage, and a 1x1 convolution before the head. Published depths, and for some mixers widths and
MLP ratios, differ so that networks have the same size; here they are a design of their own, the same for all.

Dai, Shi, Qiao, Zhu, Hu, Lu, Dai et al., 2022, Demystify Transformers & Convolutions in Modern Image Deep
Networks, https://arxiv.org/abs/2211.05781.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from torch import nn

from circulant.core.errors import ArgumentError
from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.heads import PoolHead
from circulant.models.initial_weights import narrow_normal_weights
from circulant.models.residual import Residual
from circulant.models.stages import StagedNetwork, drop_path_rates
from circulant.models.token_attention import SpatialReductionAttention, WindowAttention
from circulant.operators.attention.halo_attention2d import HaloAttention2d
from circulant.operators.dynamic.deformable_conv2d_v4 import DeformableConv2dV4
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d

EPS, FIRST_SCALE, MLP_RATIO = 1e-6, 1e-6, 4
HEAD_CHANNELS = 32  # where the width allows
WINDOW, HALO_BLOCK, HALO = 7, 7, 3
REDUCTIONS = (8, 4, 2)  # of PVT by stage, and 1 from then on


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where a mixer is to stand, counted from 0."""

    channels: int
    stage: int
    block: int  # within its stage

    @property
    def heads(self) -> int:
        return self.channels // HEAD_CHANNELS if self.channels % HEAD_CHANNELS == 0 else 1


@final
@dataclass(frozen=True, slots=True)
class UnifiedDesign:
    """Channels and number of blocks of each stage."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]


UNIFIED_T = UnifiedDesign((96, 192, 384, 768), (2, 2, 9, 2))  # of the depthwise mixer
UNIFIED_S = replace(UNIFIED_T, depths=(2, 2, 24, 2))
UNIFIED_B = replace(UNIFIED_S, widths=(128, 256, 512, 1024))

BuildMixer = Callable[[Place], nn.Module]


def depthwise_mixer(place: Place) -> nn.Module:
    """1x1, depthwise 7x7, 1x1."""
    channels = place.channels
    return nn.Sequential(
        nn.Conv2d(channels, channels, 1), DepthwiseConv2d(channels, (7, 7)), nn.Conv2d(channels, channels, 1)
    )


def window_mixer(place: Place) -> nn.Module:
    """Of Swin: windows of 7x7, in every other block moved by half of it."""
    return WindowAttention(place.channels, place.heads, WINDOW, WINDOW // 2 * (place.block % 2))


def halo_mixer(place: Place) -> nn.Module:
    """Blocks of 7x7 with a halo of 3, and a linear map."""
    return HaloAttention2d(place.channels, HALO_BLOCK, HALO, place.heads, project=True)


def reduction_mixer(place: Place) -> nn.Module:
    """Of PVT: keys from a coarser picture, 8, 4, 2 and 1 times by stage."""
    reduction = REDUCTIONS[place.stage] if place.stage < len(REDUCTIONS) else 1
    return SpatialReductionAttention(place.channels, place.heads, reduction)


def deformable_mixer(place: Place) -> nn.Module:
    """The third form of deformable convolution, 3x3, offsets from a depthwise convolution."""
    groups = max(1, place.channels // 16)
    return DeformableConv2dV4(place.channels, 3, groups=groups, depthwise_kernel=3, softmax=True)


TOKEN_MIXERS: dict[str, BuildMixer] = {
    "depthwise": depthwise_mixer,
    "window": window_mixer,
    "halo": halo_mixer,
    "reduction": reduction_mixer,
    "deformable": deformable_mixer,
}


@final
class UnifiedBackbone(StagedNetwork):
    """Shapes: x (B, in_channels, H, W) -> logits (B, classes).  scale: what the blocks' branches start at."""

    def __init__(
        self,
        mixer: BuildMixer = depthwise_mixer,
        design: UnifiedDesign = UNIFIED_T,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        scale: float = FIRST_SCALE,
        drop_path: float = 0.0,
    ) -> None:
        if len(design.widths) != len(design.depths) or not design.widths or min(design.widths) < 2:
            raise ArgumentError(f"expected a width of 2 or more and a depth for each stage, got {design}")
        stages: list[list[nn.Module]] = []
        before = in_channels
        rates = drop_path_rates(drop_path, design.depths)
        for stage, (width, dropped) in enumerate(zip(design.widths, rates, strict=True)):
            layers = _coarser(before, width) if stages else _stem(before, width)
            for block, rate in enumerate(dropped):
                layers += _block(mixer(Place(width, stage, block)), width, scale, rate)
            stages.append([*layers, ChannelLayerNorm(width, EPS)])
            before = width
        super().__init__(stages, _head(before, classes))
        narrow_normal_weights(self)


def _stem(in_channels: int, channels: int) -> list[nn.Module]:
    return [
        nn.Conv2d(in_channels, channels // 2, 3, 2, 1),
        ChannelLayerNorm(channels // 2, EPS),
        nn.GELU(),
        nn.Conv2d(channels // 2, channels, 3, 2, 1),
        ChannelLayerNorm(channels, EPS),
    ]


def _coarser(in_channels: int, channels: int) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, channels, 3, 2, 1, bias=False), ChannelLayerNorm(channels, EPS)]


def _block(mixer: nn.Module, channels: int, scale: float, drop_path: float) -> list[nn.Module]:
    mlp = ChannelMlp(channels, MLP_RATIO * channels)
    return [
        Residual(branch, ChannelLayerNorm(channels, EPS), channels=channels, scale=scale, drop_path=drop_path)
        for branch in (mixer, mlp)
    ]


def _head(channels: int, classes: int) -> nn.Module:
    wide = channels * 3 // 2
    before = nn.Sequential(nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.GELU())
    return nn.Sequential(before, PoolHead(wide, classes))
