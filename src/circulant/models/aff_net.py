"""AFFNet: a light network for pictures whose coarser stages mix positions by adaptive frequency filters.

After Huang, Zhang, Lan, Zha, Lu and Guo (2023), Adaptive Frequency Filters As Efficient Global Token
Mixers, https://arxiv.org/abs/2307.14008, and its published code, which has neither the local convolution
nor the 1x1 convolution that the paper draws in front of the filters. The settings that were trained with
are not part of that code; SiLU is the choice here.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.heads import PoolHead
from circulant.models.inverted_residual import InvertedResidual, conv_norm
from circulant.models.residual import DropPath
from circulant.operators.spectral.adaptive_frequency_filter import AdaptiveFrequencyFilter2d

STEM, WIDEST_HEAD = 16, 960
BRANCH_EXPAND = 2  # of the inverted residuals inside an AFFBlock


@final
class FilterLayer(nn.Module):
    """x + drop_path(filter(norm(local(norm(x))))); each norm is over a whole example."""

    def __init__(self, channels: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.local_norm, self.filter_norm = nn.GroupNorm(1, channels), nn.GroupNorm(1, channels)
        self.local = InvertedResidual(channels, channels, expand=BRANCH_EXPAND)
        self.filter = AdaptiveFrequencyFilter2d(channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        local = self.local(self.local_norm(x))
        return x + self.drop_path(self.filter(self.filter_norm(local)))


@final
class AFFBlock(nn.Module):
    """Filter layers, norm and a 1x1 convolution, fused with the input by another one.

    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(self, channels: int, depth: int, *, fuses: bool = True, drop_path: float = 0.0) -> None:
        super().__init__()
        layers = [FilterLayer(channels, drop_path) for _ in range(depth)]
        self.global_part = nn.Sequential(*layers, nn.GroupNorm(1, channels))
        self.project = conv_norm(channels, channels, 1, act=False)
        self.fuse = conv_norm(2 * channels, channels, 1) if fuses else None

    def forward(self, x: Tensor) -> Tensor:
        seen = self.project(self.global_part(x))
        return seen if self.fuse is None else self.fuse(torch.cat([x, seen], 1))


@final
@dataclass(frozen=True, slots=True)
class AffStage:
    """An inverted residual with the stride, then filter layers, or plain inverted residuals up to depth."""

    channels: int
    depth: int
    stride: int = 2
    filters: bool = True


@final
@dataclass(frozen=True, slots=True)
class AffDesign:
    """Sizes of the network; expand is that of the inverted residuals outside the blocks."""

    stages: tuple[AffStage, ...]
    expand: int = 4
    stem: int = STEM


def _design(widths: tuple[int, ...], expand: int) -> AffDesign:
    first, second, *rest = widths
    plain = AffStage(first, 1, 1, False), AffStage(second, 3, 2, False)
    return AffDesign((*plain, *(AffStage(width, depth) for width, depth in zip(rest, (2, 4, 3)))), expand)


AFFNET = _design((32, 64, 128, 256, 320), 4)  # 5.5 million parameters
AFFNET_T = _design((32, 48, 96, 160, 192), 4)  # 2.6 million
AFFNET_ET = _design((32, 48, 64, 104, 144), 2)  # 1.4 million


@final
class AFFNet(nn.Module):
    """Stem, stages and a linear head.  Shapes: x (B, C, H, W) -> logits (B, classes)."""

    def __init__(
        self,
        design: AffDesign = AFFNET,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        if not design.stages:
            raise ArgumentError("expected a design with one stage or more, got none; AFFNET is the published")
        layers: list[nn.Module] = [conv_norm(in_channels, design.stem, 3, stride=2)]
        channels = design.stem
        for stage in design.stages:
            layers.append(InvertedResidual(channels, stage.channels, stage.stride, design.expand))
            channels = stage.channels
            if stage.filters:
                layers.append(AFFBlock(channels, stage.depth, drop_path=drop_path))
            else:
                more = range(stage.depth - 1)
                layers += (InvertedResidual(channels, channels, 1, design.expand) for _ in more)
        widened = min(4 * channels, WIDEST_HEAD)
        self.body = nn.Sequential(*layers, conv_norm(channels, widened, 1))
        self.head = PoolHead(widened, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))
