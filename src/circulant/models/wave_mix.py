"""WaveMix: residual blocks of wavelet bands at one resolution.

Jeevan et al., "WaveMix: A Resource-efficient Neural Network for Image Analysis" (2022), and its first form,
"WaveMix: Resource-efficient Token Mixing for Images" (2022).
"""

from enum import Enum
from typing import final

from torch import Tensor, nn

from circulant.models.heads import PoolHead
from circulant.models.residual import Residual
from circulant.operators.spectral.wave_mix_block2d import WaveMixBlock2d
from circulant.operators.spectral.wave_mix_block2d_v1 import WaveMixBlock2dV1


class WaveMixStem(Enum):
    """What stands before the blocks, with the factor by which the picture shrinks."""

    PATCHES = "two convolutions, then patches that meet"
    STRIDED = "two strided convolutions"
    PLAIN = "two convolutions"


def _stem(kind: WaveMixStem, in_channels: int, channels: int, patch: int, stride: int) -> nn.Sequential:
    half = channels // 2
    if kind is WaveMixStem.PATCHES:
        return nn.Sequential(
            nn.Conv2d(in_channels, channels // 4, 3, padding=1),
            nn.Conv2d(channels // 4, half, 3, padding=1),
            nn.Conv2d(half, channels, patch, stride=patch),
            nn.GELU(),
            nn.BatchNorm2d(channels),
        )
    step = stride if kind is WaveMixStem.STRIDED else 1
    return nn.Sequential(
        nn.Conv2d(in_channels, half, 3, step, padding=1), nn.Conv2d(half, channels, 3, step, padding=1)
    )


class _WaveMix(nn.Module):
    """Abstract. Stem, residual blocks, mean over positions, linear."""

    def __init__(self, stem: nn.Module, blocks: list[nn.Module], channels: int, classes: int) -> None:
        super().__init__()
        self.stem = stem
        self.blocks = nn.Sequential(*(Residual(block) for block in blocks))
        self.head = PoolHead(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.blocks(self.stem(x)))
        return logits


@final
class WaveMix(_WaveMix):
    """Shapes: pictures (B, in_channels, H, W) -> logits (B, classes)."""

    def __init__(
        self,
        classes: int = 1000,
        channels: int = 192,
        depth: int = 16,
        *,
        in_channels: int = 3,
        levels: int = 3,
        expansion: int = 2,
        hidden: int | None = None,
        dropout: float = 0.5,
        stem: WaveMixStem = WaveMixStem.PATCHES,
        patch: int = 4,
        stride: int = 2,
    ) -> None:
        blocks: list[nn.Module] = [
            WaveMixBlock2d(channels, levels, expansion=expansion, hidden=hidden, dropout=dropout)
            for _ in range(depth)
        ]
        super().__init__(_stem(stem, in_channels, channels, patch, stride), blocks, channels, classes)


@final
class WaveMixV1(_WaveMix):
    """The first version: full resolution. Shapes: pictures (B, in_channels, H, W) -> logits (B, classes)."""

    def __init__(
        self,
        classes: int = 1000,
        channels: int = 256,
        depth: int = 7,
        *,
        in_channels: int = 3,
        levels: int = 4,
        expansion: int = 2,
        hidden: int | None = None,
        dropout: float = 0.0,
        stem: WaveMixStem = WaveMixStem.PLAIN,
        patch: int = 4,
        stride: int = 2,
    ) -> None:
        blocks: list[nn.Module] = [
            WaveMixBlock2dV1(channels, levels, expansion=expansion, hidden=hidden, dropout=dropout)
            for _ in range(depth)
        ]
        super().__init__(_stem(stem, in_channels, channels, patch, stride), blocks, channels, classes)
