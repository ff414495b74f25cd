"""FlashInternImage: a network for pictures whose every block samples where its features say.

After Xiong, Li, Chen, Wang, Zhu, Luo, Wang, Lu, Li, Qiao, Lu, Zhou and Dai (2024), Efficient Deformable
ConvNets: Rethinking Dynamic and Sparse Operator for Vision Applications, https://arxiv.org/abs/2401.06197,
and its published code: InternImage with the fourth form of deformable convolution.
"""

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.heads import PoolHead
from circulant.models.residual import Residual
from circulant.operators.dynamic.deformable_conv2d_v4 import DeformableConv2dV4

EPS = 1e-6
MLP_RATIO = 4
HEAD_RATIO = 1.5
GROUP_CHANNELS = 16


@final
@dataclass(frozen=True, slots=True)
class FlashInternDesign:
    """Widths double from stage to stage. post_norm: the branch is normed, not its input, and scaled."""

    channels: int
    depths: tuple[int, ...]
    offset_scale: float = 1.0
    post_norm: bool = True
    layer_scale: float | None = 1e-5
    depthwise_kernel: int | None = 3
    projection_bias: bool = False  # of the last linear maps of each branch


FLASH_INTERN_IMAGE_T = FlashInternDesign(64, (4, 4, 18, 4), 1.0, False, None, None)  # 30 million parameters
FLASH_INTERN_IMAGE_S = FlashInternDesign(80, (4, 4, 21, 4))  # 50 million
FLASH_INTERN_IMAGE_B = FlashInternDesign(112, (4, 4, 21, 4), 0.5)  # 97 million
FLASH_INTERN_IMAGE_L = FlashInternDesign(160, (5, 5, 22, 5), 2.0, projection_bias=True)  # 223 million


@final
class FlashInternImage(nn.Module):
    """Stem, stages that halve the grid between them, a linear head.

    Shapes: x (B, C, H, W) -> logits (B, classes). drop_path is the rate of the last block; the others' rise
    to it from 0.
    """

    def __init__(
        self,
        design: FlashInternDesign = FLASH_INTERN_IMAGE_T,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        if not design.depths or design.channels % GROUP_CHANNELS:
            raise ArgumentError(
                f"expected one stage or more and channels as a multiple of {GROUP_CHANNELS}, got {design}"
            )
        channels, done, total = design.channels, 0, sum(design.depths)
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, channels // 2, 3, 2, 1),
            ChannelLayerNorm(channels // 2, EPS),
            nn.GELU(),
            nn.Conv2d(channels // 2, channels, 3, 2, 1),
            ChannelLayerNorm(channels, EPS),
        ]
        for stage, depth in enumerate(design.depths):
            if stage:
                shrink = nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=False)
                channels *= 2
                layers += [shrink, ChannelLayerNorm(channels, EPS)]
            for _ in range(depth):
                layers += _block(design, channels, drop_path * done / max(total - 1, 1))
                done += 1
            layers += [] if design.post_norm else [ChannelLayerNorm(channels, EPS)]
        self.body = nn.Sequential(*layers)
        width = int(HEAD_RATIO * channels)
        norm = nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width, EPS), nn.GELU())
        self.head = PoolHead(width, classes, norm)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def _block(design: FlashInternDesign, channels: int, drop_path: float) -> list[nn.Module]:
    """Deformable convolution, then an MLP."""
    mixer = DeformableConv2dV4(
        channels, groups=channels // GROUP_CHANNELS, offset_scale=design.offset_scale,
        depthwise_kernel=design.depthwise_kernel, output_bias=design.projection_bias,
    )  # fmt: skip
    mlp = ChannelMlp(channels, MLP_RATIO * channels, project_bias=design.projection_bias)
    return [_joined(design, branch, channels, drop_path) for branch in (mixer, mlp)]


def _joined(design: FlashInternDesign, branch: nn.Module, channels: int, drop_path: float) -> Residual:
    norm, scale = ChannelLayerNorm(channels, EPS), design.layer_scale
    if design.post_norm:
        normed = nn.Sequential(branch, norm)
        return Residual(normed, channels=channels, scale=scale, drop_path=drop_path)
    return Residual(branch, norm, channels=channels, scale=scale, drop_path=drop_path)
