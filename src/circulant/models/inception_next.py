"""InceptionNeXt: ConvNeXt with an Inception depthwise convolution in place of the 7x7 kernels.

After Yu, Zhou, Yan and Wang (2023), InceptionNeXt: When Inception Meets ConvNeXt,
https://arxiv.org/abs/2303.16900, and its published code.
"""

from dataclasses import dataclass, replace
from typing import final

from torch import nn

from circulant.models.channel_mlp import ChannelMlp
from circulant.models.initial_weights import narrow_normal_weights
from circulant.models.residual import Residual
from circulant.models.stages import StagedNetwork, drop_path_rates
from circulant.operators.spatial.inception_dw_conv2d import InceptionDWConv2d

PATCH, HEAD_RATIO, HEAD_EPS = 4, 3, 1e-6


@final
@dataclass(frozen=True, slots=True)
class InceptionNeXtDesign:
    """Sizes of the network; hidden channels of a stage's MLPs are mlp_ratio times its width."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    mlp_ratios: tuple[int, ...] = (4, 4, 4, 3)
    band_kernel: int = 11
    branch_ratio: float = 0.125


INCEPTION_NEXT_T = InceptionNeXtDesign((96, 192, 384, 768), (3, 3, 9, 3))  # 28 million parameters
INCEPTION_NEXT_S = replace(INCEPTION_NEXT_T, depths=(3, 3, 27, 3))  # 49 million
INCEPTION_NEXT_B = replace(INCEPTION_NEXT_S, widths=(128, 256, 512, 1024))  # 87 million


def meta_next_block(
    mixer: nn.Module, channels: int, mlp_ratio: int, *, scale: float, drop_path: float
) -> Residual:
    """x + scale mlp(batch_norm(mixer(x))).  Shapes: x (B, C, H, W) -> y (B, C, H, W)."""
    branch = nn.Sequential(mixer, nn.BatchNorm2d(channels), ChannelMlp(channels, mlp_ratio * channels))
    return Residual(branch, channels=channels, scale=scale, drop_path=drop_path)


@final
class InceptionNeXt(StagedNetwork):
    """Patches of 4x4, stages of blocks, and an MLP on the mean over positions.

    Shapes: x (B, in_channels, H, W) -> logits (B, classes). scale: what blocks start at.
    """

    def __init__(
        self,
        design: InceptionNeXtDesign = INCEPTION_NEXT_T,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        scale: float = 1e-6,
        drop_path: float = 0.0,
    ) -> None:
        stages: list[list[nn.Module]] = []
        before = in_channels
        rates = drop_path_rates(drop_path, design.depths)
        for width, ratio, dropped in zip(design.widths, design.mlp_ratios, rates, strict=True):
            is_first = not stages
            patches = nn.Conv2d(before, width, PATCH if is_first else 2, PATCH if is_first else 2)
            norm = nn.BatchNorm2d(width if is_first else before)
            layers: list[nn.Module] = [patches, norm] if is_first else [norm, patches]
            for rate in dropped:
                mixer = InceptionDWConv2d(
                    width, band_kernel=design.band_kernel, branch_ratio=design.branch_ratio
                )
                layers.append(meta_next_block(mixer, width, ratio, scale=scale, drop_path=rate))
            stages.append(layers)
            before = width
        super().__init__(stages, _head(before, classes))
        narrow_normal_weights(self)


def _head(channels: int, classes: int) -> nn.Sequential:
    hidden = HEAD_RATIO * channels
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, hidden),
        nn.GELU(),
        nn.LayerNorm(hidden, HEAD_EPS),
        nn.Linear(hidden, classes),
    )
