"""Lane segmentation: features, messages from slice to slice, and a map for each lane.

After Pan, Shi, Luo, Wang and Tang (2017), Spatial As Deep, https://arxiv.org/abs/1712.06080.
"""

from dataclasses import dataclass
from typing import final

import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.sizes import Shape
from circulant.operators.spatial.spatial_message_passing2d import SpatialMessagePassing2d

VGG_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512))  # each but the last ends in a max pool
DILATED = (512, 512, 512)  # at the grid of the stage before, their taps 2 apart
STRIDE = 8
HIDDEN, FEATURES = 1024, 128


@final
@dataclass(frozen=True, slots=True)
class Lanes:
    """logits (B, 1 + lanes, H, W), background first; exists (B, lanes), how probable each lane is."""

    logits: Tensor
    exists: Tensor


@final
class LaneSegmenter(nn.Module):
    """logits = up(conv1x1(dropout(passes(trunk x)))); exists = sigmoid of two layers on the coarse softmax.

    Shapes: x (B, C, H, W) -> Lanes of (B, 1 + lanes, H, W) and (B, lanes). trunk gives `channels` on a grid
    of (H, W) / stride, which is `grid` for the pictures of the second branch.
    """

    def __init__(
        self,
        trunk: nn.Module,
        passes: nn.Module,
        channels: int,
        grid: Shape,
        lanes: int = 4,
        *,
        stride: int = STRIDE,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.trunk, self.passes, self.stride = trunk, passes, stride
        self.dropout = nn.Dropout2d(dropout)
        self.segment = nn.Conv2d(channels, 1 + lanes, 1)
        cells = (grid[0] // 2) * (grid[1] // 2)
        self.exist = nn.Sequential(
            nn.Linear((1 + lanes) * cells, FEATURES), nn.ReLU(), nn.Linear(FEATURES, lanes), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Lanes:
        coarse = self.segment(self.dropout(self.passes(self.trunk(x))))
        logits = F.interpolate(coarse, scale_factor=self.stride, mode="bilinear", align_corners=True)
        shares = F.avg_pool2d(coarse.softmax(1), 2)
        return Lanes(logits, self.exist(shares.flatten(1)))


def scnn(spatial: Shape = (288, 800), lanes: int = 4, kernel_size: int = 9) -> LaneSegmenter:
    """The published network for pictures (3, *spatial) in sizes that are multiples of 8."""
    passes = SpatialMessagePassing2d(FEATURES, kernel_size)
    grid = tuple(size // STRIDE for size in spatial)
    return LaneSegmenter(dilated_vgg16(), passes, FEATURES, grid, lanes)


def dilated_vgg16() -> nn.Sequential:
    """VGG16 with batch norm and three max pools, then a dilated and a pointwise convolution to 128 channels.

    Shapes: x (B, 3, H, W) -> y (B, 128, H / 8, W / 8).
    """
    layers: list[nn.Module] = []
    channels = 3
    for position, widths in enumerate(VGG_STAGES):
        layers += [nn.MaxPool2d(2)] if position else []
        for width in widths:
            layers.append(_conv(channels, width))
            channels = width
    for width in DILATED:
        layers.append(_conv(channels, width, dilation=2))
        channels = width
    layers.append(_conv(channels, HIDDEN, dilation=4, bias=False))
    return nn.Sequential(*layers, _conv(HIDDEN, FEATURES, 1, bias=False))


def _conv(channels: int, width: int, size: int = 3, *, dilation: int = 1, bias: bool = True) -> nn.Sequential:
    padding = dilation * (size // 2)
    conv = nn.Conv2d(channels, width, size, padding=padding, dilation=dilation, bias=bias)
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU())
