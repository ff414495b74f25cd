"""MobileNetV2: inverted residuals, whose narrow ends are joined and whose wide middles are depthwise.

After Sandler, Howard, Zhu, Zhmoginov and Chen (2018), MobileNetV2: Inverted Residuals and Linear Bottlenecks,
https://arxiv.org/abs/1801.04381, at width 1.
"""

from dataclasses import dataclass
from typing import final

from torch import nn

from circulant.models.heads import PoolHead
from circulant.models.initial_weights import outgoing_normal_weights
from circulant.models.inverted_residual import InvertedResidual, conv_norm
from circulant.models.stages import StagedNetwork

STEM, LAST = 32, 1280


@final
@dataclass(frozen=True, slots=True)
class MobileRow:
    """Inverted residuals of one width; the first has the stride."""

    channels: int
    depth: int
    stride: int
    expand: int = 6


MOBILE_NET_V2 = (  # 3.5 million parameters
    MobileRow(16, 1, 1, 1),
    MobileRow(24, 2, 2),
    MobileRow(32, 3, 2),
    MobileRow(64, 4, 2),
    MobileRow(96, 3, 1),
    MobileRow(160, 3, 2),
    MobileRow(320, 1, 1),
)


@final
class MobileNetV2(StagedNetwork):
    """A stage for each grid from half the input's on, the last with a wide 1x1 convolution; a linear head.

    Shapes: x (B, in_channels, H, W) -> logits (B, classes).
    """

    def __init__(
        self,
        rows: tuple[MobileRow, ...] = MOBILE_NET_V2,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        stem: int = STEM,
        last: int = LAST,
    ) -> None:
        stages: list[list[nn.Module]] = [[conv_norm(in_channels, stem, 3, stride=2, activation=nn.ReLU6)]]
        channels = stem
        for row in rows:
            if row.stride > 1:
                stages.append([])
            for number in range(row.depth):
                stride = 1 if number else row.stride
                stages[-1].append(InvertedResidual(channels, row.channels, stride, row.expand, nn.ReLU6))
                channels = row.channels
        stages[-1].append(conv_norm(channels, last, 1, activation=nn.ReLU6))
        super().__init__(stages, PoolHead(last, classes))
        outgoing_normal_weights(self)
