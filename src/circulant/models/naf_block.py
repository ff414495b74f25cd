"""The block of NAFNet: gates are products of halves, and nothing else bends.

After Chen, Chu, Zhang and Sun (2022), Simple Baselines for Image Restoration, https://arxiv.org/abs/2204.04676.
"""

from typing import final

from torch import Tensor, nn

from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.residual import Residual

EPS = 1e-6


@final
class SimpleGate(nn.Module):
    """The product of the two halves of the channels.  Shapes: x (B, 2 C, H, W) -> y (B, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1)
        return first * second


@final
class MeanGate(nn.Module):
    """x times a linear map of its means over positions.  Shapes: x (B, C, H, W) -> y (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.linear(x.mean((2, 3)))[:, :, None, None]


def naf_block(channels: int) -> nn.Sequential:
    """Neighbours, then channels, each a residual whose factor starts at 0."""
    wide = 2 * channels
    neighbours = nn.Sequential(
        nn.Conv2d(channels, wide, 1), nn.Conv2d(wide, wide, 3, padding=1, groups=wide), SimpleGate(),
        MeanGate(channels), nn.Conv2d(channels, channels, 1),
    )  # fmt: skip
    mixing = nn.Sequential(nn.Conv2d(channels, wide, 1), SimpleGate(), nn.Conv2d(channels, channels, 1))
    parts = (
        Residual(branch, ChannelLayerNorm(channels, EPS), channels=channels, scale=0.0)
        for branch in (neighbours, mixing)
    )
    return nn.Sequential(*parts)
