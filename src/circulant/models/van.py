"""Visual attention network: blocks of large kernel attention, and MLPs that see the nearest neighbours.

After Guo, Lu, Liu, Cheng and Hu (2022), Visual Attention Network, https://arxiv.org/abs/2202.09741, and its
published code.
"""

from dataclasses import dataclass, replace
from typing import final

from torch import nn

from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.heads import PoolHead
from circulant.models.initial_weights import outgoing_normal_weights
from circulant.models.residual import Residual
from circulant.models.stages import StagedNetwork, drop_path_rates
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.operators.spatial.large_kernel_attention2d import LargeKernelAttention2d

FIRST_SCALE, EPS = 1e-2, 1e-6


@final
@dataclass(frozen=True, slots=True)
class VanDesign:
    """Sizes of the network; hidden channels of a stage's MLPs are mlp_ratio times its width."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    mlp_ratios: tuple[int, ...] = (8, 8, 4, 4)


VAN_B0 = VanDesign((32, 64, 160, 256), (3, 3, 5, 2))  # 4.1 million parameters
VAN_B1 = VanDesign((64, 128, 320, 512), (2, 2, 4, 2))  # 13.9 million
VAN_B2 = replace(VAN_B1, depths=(3, 3, 12, 3))  # 26.6 million
VAN_B3 = replace(VAN_B1, depths=(3, 5, 27, 3))  # 44.8 million
VAN_B4 = replace(VAN_B1, depths=(3, 6, 40, 3))  # 60.3 million
VAN_B5 = VanDesign((96, 192, 480, 768), (3, 3, 24, 3))  # 90.0 million
VAN_B6 = VanDesign((96, 192, 384, 768), (6, 6, 90, 6))  # 199.8 million


def attention_block(channels: int, mlp_ratio: int, drop_path: float = 0.0) -> nn.Sequential:
    """x + s h + s W (a h), with h a batch norm of x; then x + s mlp(batch_norm(x)).

    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """
    hidden = mlp_ratio * channels
    attention = nn.Sequential(
        nn.Conv2d(channels, channels, 1), nn.GELU(), LargeKernelAttention2d(channels),
        nn.Conv2d(channels, channels, 1),
    )  # fmt: skip
    mlp = nn.Sequential(
        nn.Conv2d(channels, hidden, 1), DepthwiseConv2d(hidden, (3, 3)), nn.GELU(),
        nn.Conv2d(hidden, channels, 1),
    )  # fmt: skip
    branches = (Residual(attention), mlp)
    return nn.Sequential(
        *(
            Residual(
                branch, nn.BatchNorm2d(channels), channels=channels, scale=FIRST_SCALE, drop_path=drop_path
            )
            for branch in branches
        )
    )


def overlapping_patches(in_channels: int, channels: int, kernel: int, stride: int) -> nn.Sequential:
    """A strided convolution whose patches overlap, and a batch norm."""
    conv = nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2)
    return nn.Sequential(conv, nn.BatchNorm2d(channels))


@final
class VAN(StagedNetwork):
    """Stages of overlapping patches, attention blocks and a layer norm; a linear head.

    Shapes: x (B, in_channels, H, W) -> logits (B, classes). stem_stride: of the first stage.
    """

    def __init__(
        self,
        design: VanDesign = VAN_B0,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        stem_stride: int = 4,
        drop_path: float = 0.0,
    ) -> None:
        stages: list[list[nn.Module]] = []
        before = in_channels
        rates = drop_path_rates(drop_path, design.depths)
        for width, ratio, dropped in zip(design.widths, design.mlp_ratios, rates, strict=True):
            kernel, stride = (3, 2) if stages else (7, stem_stride)
            blocks = (attention_block(width, ratio, rate) for rate in dropped)
            patches = overlapping_patches(before, width, kernel, stride)
            stages.append([patches, *blocks, ChannelLayerNorm(width, EPS)])
            before = width
        super().__init__(stages, PoolHead(before, classes))
        outgoing_normal_weights(self)
