"""SpaRTAN: a light network of spatial reinforcement and of channels that meet as waves.

After Pay, Baskaran, Loo, Wong and See (2025), SpaRTAN: Spatial Reinforcement Token-based Aggregation Network
for Visual Recognition, https://arxiv.org/abs/2507.10999, and its published code; there the last block's rate
of dropped paths stays one step below the largest, which it reaches here.
"""

from dataclasses import dataclass
from typing import final

from torch import nn

from circulant.models.heads import PoolHead
from circulant.models.initial_weights import outgoing_normal_weights
from circulant.models.residual import Residual
from circulant.models.stages import StagedNetwork, drop_path_rates
from circulant.operators.spatial.spatial_reinforcement_mixer2d import SpatialReinforcementMixer2d
from circulant.operators.spatial.wave_channel_mixer2d import WaveChannelMixer2d

FIRST_SCALE, EPS = 1e-5, 1e-6


@final
@dataclass(frozen=True, slots=True)
class SpartanDesign:
    """Sizes of the network. The first half of the stages mixes positions densely, the other half channels."""

    widths: tuple[int, ...] = (32, 64, 128, 256)
    depths: tuple[int, ...] = (3, 3, 12, 2)
    expansions: tuple[int, ...] = (4, 4, 2, 2)


SPARTAN = SpartanDesign()  # 3.8 million parameters


def spartan_block(
    channels: int, expansion: int, *, dense_positions: bool, drop_path: float = 0.0
) -> nn.Sequential:
    """x + s positions(norm(x)), then x + s waves(norm(x)).  Shapes: x (B, C, H, W) -> y (B, C, H, W).

    dense_positions: dense kernels for the former and depthwise ones for the latter, or the other way round.
    """
    branches = (
        SpatialReinforcementMixer2d(channels, depthwise=not dense_positions),
        WaveChannelMixer2d(channels, expansion, depthwise=dense_positions),
    )
    return nn.Sequential(
        *(
            Residual(
                branch, nn.GroupNorm(1, channels, EPS), channels=channels, scale=FIRST_SCALE,
                drop_path=drop_path,
            )
            for branch in branches
        )
    )  # fmt: skip


@final
class SpaRTAN(StagedNetwork):
    """Two strided convolutions, stages of blocks with patches of 2x2 between them, a linear head.

    Shapes: x (B, in_channels, H, W) -> logits (B, classes).
    """

    def __init__(
        self,
        design: SpartanDesign = SPARTAN,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        drop_path: float = 0.0,
    ) -> None:
        stages: list[list[nn.Module]] = []
        dense_stages = len(design.depths) // 2
        rates = drop_path_rates(drop_path, design.depths)
        before = in_channels
        for width, expansion, dropped in zip(design.widths, design.expansions, rates, strict=True):
            is_dense = len(stages) < dense_stages
            down = _patches(before, width) if stages else _stem(before, width)
            blocks = (
                spartan_block(width, expansion, dense_positions=is_dense, drop_path=rate) for rate in dropped
            )
            stages.append([*down, *blocks])
            before = width
        super().__init__(stages, PoolHead(before, classes))
        outgoing_normal_weights(self)


def _patches(in_channels: int, channels: int) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, channels, 2, 2, bias=False), nn.BatchNorm2d(channels, EPS), nn.SiLU()]


def _stem(in_channels: int, channels: int) -> list[nn.Module]:
    half = channels // 2
    return [
        *(nn.Conv2d(in_channels, half, 3, 2, 1, bias=False), nn.BatchNorm2d(half, EPS), nn.GELU()),
        *(nn.Conv2d(half, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels, EPS), nn.GELU()),
    ]
