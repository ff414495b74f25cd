"""Blocks of two paths, attention among low frequencies and convolution, each on half of the channels.

Ranjbar et al., "DCT-HistoTransformer: Efficient Lightweight Vision Transformer with DCT Integration for
histopathological image analysis" (2024). The abstract names the two paths; that each takes half of the
channels and that a pointwise map fuses them is our reading of it.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.heads import PoolHead
from circulant.models.residual import Residual
from circulant.operators.spectral.dct_attention2d import DctAttention2d


@final
class MobileConv(nn.Module):
    """Inverted residual, x + project(depthwise 3 x 3(expand x)).  Shapes: x (B, C, H, W) -> the same."""

    def __init__(self, channels: int, expansion: int = 2) -> None:
        super().__init__()
        wide = expansion * channels
        self.branch = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.SiLU(),
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.SiLU(),
            nn.Conv2d(wide, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.branch(x)
        return y


@final
class DctHistoBlock(nn.Module):
    """fuse([attention(norm(first half)) + first half, convolution(second half)]).

    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(self, channels: int, heads: int = 2, keep: float = 0.5, expansion: int = 2) -> None:
        super().__init__()
        if channels % 2:
            raise ArgumentError(f"expected an even number of channels for two paths, got {channels}")
        half = channels // 2
        self.attention = Residual(DctAttention2d(half, heads, keep), ChannelLayerNorm(half))
        self.convolution = MobileConv(half, expansion)
        self.fuse = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        low, local = x.chunk(2, 1)
        y: Tensor = self.fuse(torch.cat([self.attention(low), self.convolution(local)], 1))
        return y


@final
class DctHistoTransformer(nn.Module):
    """Two strided convolutions, residual blocks, mean, linear.

    Shapes: pictures (B, in_channels, H, W) -> logits (B, classes).
    """

    def __init__(
        self,
        classes: int,
        channels: int = 64,
        depth: int = 4,
        *,
        in_channels: int = 3,
        heads: int = 2,
        keep: float = 0.5,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels // 2, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels // 2),
            nn.SiLU(),
            nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels),
        )
        self.blocks = nn.Sequential(
            *(
                Residual(DctHistoBlock(channels, heads, keep), ChannelLayerNorm(channels))
                for _ in range(depth)
            )
        )
        self.head = PoolHead(channels, classes, ChannelLayerNorm(channels))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.blocks(self.stem(x)))
        return logits
