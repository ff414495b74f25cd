"""DeepLab: segmentation by a residual network that keeps an eighth of the resolution by atrous kernels.

After Chen, Papandreou, Kokkinos, Murphy and Yuille (2016), https://arxiv.org/abs/1606.00915 (the second
version of DeepLab), and a public reimplementation of its residual form: a stride is on the first 1x1
convolution of a block.
"""

from dataclasses import dataclass
from typing import final

import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.operators.spatial.atrous_conv import AtrousConv2d
from circulant.operators.spatial.atrous_spatial_pyramid_pooling2d import RATES, AtrousSpatialPyramidPooling2d

WIDEN = 4  # from the middle of a bottleneck to its end


@final
@dataclass(frozen=True, slots=True)
class AtrousStage:
    """Bottlenecks of one width; their 3x3 taps lie `rate` samples apart."""

    channels: int
    depth: int
    stride: int
    rate: int


RESNET_101 = (
    AtrousStage(64, 3, 1, 1),
    AtrousStage(128, 4, 2, 1),
    AtrousStage(256, 23, 1, 2),
    AtrousStage(512, 3, 1, 4),
)


@final
class AtrousBottleneck(nn.Module):
    """relu(skip(x) + 1x1(atrous 3x3(1x1(x)))), a norm after each.

    Shapes: x (B, I, H, W) -> y (B, 4 C, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, channels: int, stride: int, rate: int, *, projects: bool) -> None:
        super().__init__()
        widened = WIDEN * channels
        self.branch = nn.Sequential(
            nn.Conv2d(in_channels, channels, 1, stride, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            AtrousConv2d(channels, channels, 3, rate=rate, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, widened, 1, bias=False),
            nn.BatchNorm2d(widened),
        )
        self.skip: nn.Module = nn.Identity()
        if projects:
            project = nn.Conv2d(in_channels, widened, 1, stride, bias=False)
            self.skip = nn.Sequential(project, nn.BatchNorm2d(widened))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.skip(x) + self.branch(x))


@final
class DeepLab(nn.Module):
    """Scores of each class for each pixel.  Shapes: x (B, C, H, W) -> y (B, classes, H, W)."""

    def __init__(
        self,
        classes: int,
        stages: tuple[AtrousStage, ...] = RESNET_101,
        in_channels: int = 3,
        *,
        stem: int = 64,
        rates: tuple[int, ...] = RATES,
    ) -> None:
        super().__init__()
        if not stages:
            raise ArgumentError("expected one stage or more, got none; RESNET_101 is the published network")
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, stem, 7, 2, 3, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        ]
        channels = stem
        for stage in stages:
            for number in range(stage.depth):
                stride = 1 if number else stage.stride
                layers.append(
                    AtrousBottleneck(channels, stage.channels, stride, stage.rate, projects=number == 0)
                )
                channels = WIDEN * stage.channels
        self.body = nn.Sequential(*layers)
        self.pool = AtrousSpatialPyramidPooling2d(channels, classes, rates)

    def scores(self, x: Tensor) -> Tensor:
        """On the coarse grid."""
        return self.pool(self.body(x))

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.scores(x), size=x.shape[2:], mode="bilinear", align_corners=False)
