"""SPANet: a network for pictures that balances low and high frequencies in every block.

After Yun, Yoo, Kim, Lee and Kim (2023), SPANet: Frequency-balancing Token Mixer using Spectral Pooling
Aggregation Modulation, https://arxiv.org/abs/2308.11568, and its published code.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.channel_mlp import ChannelMlp
from circulant.models.heads import PoolHead
from circulant.models.residual import DropPath
from circulant.operators.spectral.spectral_pooling_aggregation2d import SpectralPoolingAggregation2d

MLP_RATIO = 4


@final
class ScaledResidual(nn.Module):
    """s x + drop_path(branch(norm(x))) with a factor s of each channel, at first 1; is_scaled=False: s = 1.

    The factor is on the stream, not on the branch. The norm is over all of an example.
    """

    def __init__(self, channels: int, branch: nn.Module, *, is_scaled: bool, drop_path: float) -> None:
        super().__init__()
        self.norm, self.branch = nn.GroupNorm(1, channels), branch
        self.drop_path = DropPath(drop_path)
        self.scale = nn.Parameter(torch.ones(channels, 1, 1)) if is_scaled else None

    def forward(self, x: Tensor) -> Tensor:
        kept = x if self.scale is None else x * self.scale
        return kept + self.drop_path(self.branch(self.norm(x)))


@final
@dataclass(frozen=True, slots=True)
class SpaStage:
    """Blocks on one grid; the radius is the filters' cutoff in waves over the grid."""

    channels: int
    depth: int
    radius: float
    is_scaled: bool = False


def _stages(depths: tuple[int, ...], widths: tuple[int, ...]) -> tuple[SpaStage, ...]:
    last_two = (False, False, True, True)
    return tuple(map(SpaStage, widths, depths, (2.0, 2.0, 1.0, 1.0), last_two))


SPANET_S = _stages((4, 4, 12, 4), (64, 128, 320, 512))  # 28.6 million parameters
SPANET_M = _stages((6, 6, 18, 6), (64, 128, 320, 512))  # 41.7 million
SPANET_B = _stages((6, 6, 18, 6), (96, 192, 384, 768))  # 75.9 million


@final
class SPANet(nn.Module):
    """Stem, four stages and a linear head.  Shapes: x (B, C, H, W) -> logits (B, classes).

    patch: stride of the stem, whose kernel is patch + 3; later stages halve the grid. drop_path is the
    rate of the last block; the others' rise to it from 0.
    """

    def __init__(
        self,
        stages: tuple[SpaStage, ...] = SPANET_S,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        patch: int = 4,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        if not stages:
            raise ArgumentError("expected one stage or more, got none; SPANET_S is the smallest published")
        layers: list[nn.Module] = [nn.Conv2d(in_channels, stages[0].channels, patch + 3, patch, 2)]
        channels, rates = stages[0].channels, _rates(drop_path, sum(stage.depth for stage in stages))
        for number, stage in enumerate(stages):
            if number:
                layers.append(nn.Conv2d(channels, stage.channels, 3, 2, 1))
            channels = stage.channels
            for _ in range(stage.depth):
                layers += _block(stage, rates.pop(0))
        self.body = nn.Sequential(*layers)
        self.head = PoolHead(channels, classes, nn.GroupNorm(1, channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def _rates(last: float, count: int) -> list[float]:
    return [last * number / max(count - 1, 1) for number in range(count)]


def _block(stage: SpaStage, drop_path: float) -> list[nn.Module]:
    """One block: the aggregation, then an MLP."""
    mixer = SpectralPoolingAggregation2d(stage.channels, radius=stage.radius)
    mlp = ChannelMlp(stage.channels, MLP_RATIO * stage.channels)
    return [
        ScaledResidual(stage.channels, branch, is_scaled=stage.is_scaled, drop_path=drop_path)
        for branch in (mixer, mlp)
    ]
