"""HorNet: ConvNeXt's frame around recursive gated convolutions of rising order.

After Rao, Zhao, Tang, Zhou, Lim and Lu (2022), HorNet: Efficient High-Order Spatial Interactions with
Recursive Gated Convolutions, https://arxiv.org/abs/2207.14284, and its published code.
"""

from dataclasses import dataclass, replace
from typing import final

from torch import nn

from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.conv_next import (
    EPS,
    FIRST_SCALE,
    MLP_RATIO,
    normed_downsampling,
    normed_mean_head,
    normed_patches,
)
from circulant.models.initial_weights import narrow_normal_weights
from circulant.models.residual import Residual
from circulant.models.stages import StagedNetwork, drop_path_rates
from circulant.operators.spatial.gn_conv2d import GnConv2d

GATE_SCALE = 1 / 3


@final
@dataclass(frozen=True, slots=True)
class HorNetDesign:
    """Channels of the first stage, twice as many in each further one; blocks and their order in each stage.

    grids: for which size a stage's global-local filters are stored; None for 7x7 kernels.
    """

    width: int
    depths: tuple[int, ...] = (2, 3, 18, 2)
    orders: tuple[int, ...] = (2, 3, 4, 5)
    grids: tuple[int | None, ...] = (None, None, None, None)


FILTERED = (None, None, 14, 7)  # for pictures of 224 x 224

HORNET_T = HorNetDesign(64)  # 22.4 million parameters
HORNET_S = HorNetDesign(96)  # 49.5 million
HORNET_B = HorNetDesign(128)  # 87.3 million
HORNET_T_GF = replace(HORNET_T, grids=FILTERED)  # 23.0 million
HORNET_S_GF = replace(HORNET_S, grids=FILTERED)  # 50.4 million
HORNET_B_GF = replace(HORNET_B, grids=FILTERED)  # 88.4 million


def gated_block(channels: int, order: int, grid: int | None, drop_path: float = 0.0) -> nn.Sequential:
    """x + s gnconv(norm(x)), then x + s mlp(norm(x)).  Shapes: x (B, C, H, W) -> y (B, C, H, W)."""
    branches = (
        GnConv2d(channels, order, scale=GATE_SCALE, grid=grid),
        ChannelMlp(channels, MLP_RATIO * channels),
    )
    return nn.Sequential(
        *(
            Residual(
                branch, ChannelLayerNorm(channels, EPS), channels=channels, scale=FIRST_SCALE,
                drop_path=drop_path,
            )
            for branch in branches
        )
    )  # fmt: skip


@final
class HorNet(StagedNetwork):
    """Patches of 4x4, stages of gated blocks, a linear map of the normed mean.

    Shapes: x (B, in_channels, H, W) -> logits (B, classes).
    """

    def __init__(
        self,
        design: HorNetDesign = HORNET_T,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        drop_path: float = 0.0,
    ) -> None:
        stages: list[list[nn.Module]] = []
        width = design.width
        rates = drop_path_rates(drop_path, design.depths)
        for order, grid, dropped in zip(design.orders, design.grids, rates, strict=True):
            down = normed_downsampling(width // 2, width) if stages else normed_patches(in_channels, width)
            blocks = (gated_block(width, order, grid, rate) for rate in dropped)
            stages.append([*down, *blocks])
            width *= 2
        super().__init__(stages, normed_mean_head(width // 2, classes))
        narrow_normal_weights(self)
