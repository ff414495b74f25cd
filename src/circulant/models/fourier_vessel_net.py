"""A U-shaped network for thin structures in volumes, with global filters in place of large kernels."""

from collections.abc import Callable
from typing import final

from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape, per_axis
from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.frequency_fusion import FrequencyFusion
from circulant.models.residual import Residual
from circulant.models.unet import UNet
from circulant.operators.spectral.global_fourier_filter import GlobalFourierFilter3d

Mixing = Callable[
    [int, Shape], nn.Module
]  # (channels, spatial) -> a module that keeps (B, channels, *spatial)

EXPANSION = 2  # of the network at each position


@final
class FourierVesselNet3d(nn.Module):
    """Levels of blocks; each halves the grid and doubles the channels, and skips fuse by frequency.

    A block is x + mixing(norm(x)), then x + mlp(norm(x)), as in 3D UX-Net, whose 7 x 7 x 7 depthwise
    convolution is the mixing that the global filters replace. grid: size of the volumes that the filters
    are stored for; others are taken too.
    Shapes: x (B, C, D, H, W) -> logits (B, classes, D, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        *,
        grid: int | Shape,
        width: int = 16,
        levels: int = 2,
        depth: int = 1,
        mixing: Mixing = GlobalFourierFilter3d,
    ) -> None:
        super().__init__()
        spatial = per_axis(grid, 3, "grid")
        if levels < 1 or min(spatial) >> levels < 1:
            raise ArgumentError(f"expected levels of 1 or more that leave a grid, got {levels} for {spatial}")
        sizes = [tuple(max(size >> level, 1) for size in spatial) for level in range(levels + 1)]
        widths = [width << level for level in range(levels + 1)]
        stages = [_stage(channels, size, depth, mixing) for channels, size in zip(widths, sizes)]
        stem = nn.Conv3d(in_channels, width, 3, padding=1)
        encoders = [nn.Sequential(stem, stages[0]), *stages[1:-1]]
        decoders = [_stage(channels, size, depth, mixing) for channels, size in zip(widths[:-1], sizes)]
        self.net = UNet(
            encoders,
            [nn.Sequential(ChannelLayerNorm(c), nn.Conv3d(c, 2 * c, 2, stride=2)) for c in widths[:-1]],
            stages[-1],
            [nn.ConvTranspose3d(2 * c, c, 2, stride=2) for c in widths[:-1]],
            decoders,
            nn.Sequential(ChannelLayerNorm(width), nn.Conv3d(width, classes, 1)),
            [FrequencyFusion() for _ in decoders],
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def _stage(channels: int, spatial: Shape, depth: int, mixing: Mixing) -> nn.Sequential:
    blocks: list[nn.Module] = []
    for _ in range(depth):
        blocks.append(Residual(mixing(channels, spatial), ChannelLayerNorm(channels)))
        blocks.append(Residual(ChannelMlp(channels, EXPANSION * channels), ChannelLayerNorm(channels)))
    return nn.Sequential(*blocks)
