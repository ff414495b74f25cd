"""EfficientNet-B0 whose late blocks make their kernels for each picture.

After Yang, Bender, Le and Ngiam (2019), CondConv: Conditionally Parameterized Convolutions for Efficient
Inference, https://arxiv.org/abs/1904.04971, and the published code: one routing vector for each conditional
block, from the block's input, drives its three convolutions.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.models.heads import PoolHead
from circulant.models.inverted_residual import conv_norm
from circulant.models.residual import DropPath
from circulant.operators.dynamic.cond_conv2d import CondConv2d

STEM, SQUEEZE = 32, 4


@final
@dataclass(frozen=True, slots=True)
class MobileStage:
    """Blocks of one width; the first has the stride."""

    channels: int
    depth: int
    kernel: int
    stride: int
    expand: int = 6
    conditional: bool = False


EFFICIENT_NET_B0 = (
    MobileStage(16, 1, 3, 1, 1),
    MobileStage(24, 2, 3, 2),
    MobileStage(40, 2, 5, 2),
    MobileStage(80, 3, 3, 2),
    MobileStage(112, 3, 5, 1, conditional=True),
    MobileStage(192, 4, 5, 2, conditional=True),
    MobileStage(320, 1, 3, 1, conditional=True),
)
HEAD = 1280


@final
class ChannelGate(nn.Module):
    """x times a gate for each channel, from the means over positions by two linear maps with SiLU between.

    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Linear(channels, hidden), nn.SiLU(), nn.Linear(hidden, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x.mean((2, 3)))[..., None, None]


@final
class MobileBlock(nn.Module):
    """Expand, depthwise, gate, project; added to x where the shape stays. experts None: ordinary kernels.

    Shapes: x (B, C, H, W) -> y (B, D, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        expand: int,
        experts: int | None = None,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        hidden = expand * in_channels
        self.is_residual = stride == 1 and in_channels == out_channels
        self.routing = None if experts is None else nn.Linear(in_channels, experts)

        def conv(inputs: int, outputs: int, size: int = 1, step: int = 1, groups: int = 1) -> nn.Module:
            sizes = inputs, outputs, size, step, size // 2, 1, groups, False
            return nn.Conv2d(*sizes) if experts is None else CondConv2d(*sizes, experts=experts, routes=False)

        self.expand = None if expand == 1 else conv(in_channels, hidden)
        self.expand_norm = nn.Identity() if expand == 1 else nn.BatchNorm2d(hidden)
        self.depthwise, self.depthwise_norm = (
            conv(hidden, hidden, kernel, stride, hidden),
            nn.BatchNorm2d(hidden),
        )
        self.gate = ChannelGate(hidden, in_channels // SQUEEZE)
        self.project = conv(hidden, out_channels)
        self.project_norm = nn.BatchNorm2d(out_channels)
        self.activation, self.drop_path = nn.SiLU(), DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        gates = () if self.routing is None else (self.routing(x.mean((2, 3))).sigmoid(),)
        h = x
        if self.expand is not None:
            h = self.activation(self.expand_norm(self.expand(h, *gates)))
        h = self.activation(self.depthwise_norm(self.depthwise(h, *gates)))
        h = self.project_norm(self.project(self.gate(h), *gates))
        return x + self.drop_path(h) if self.is_residual else h


@final
class CondConvEfficientNet(nn.Module):
    """Stem, stages of mobile blocks, a last 1x1 convolution and a linear head.

    Shapes: x (B, C, H, W) -> logits (B, classes). drop_path grows from 0 at the first block.
    """

    def __init__(
        self,
        stages: tuple[MobileStage, ...] = EFFICIENT_NET_B0,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        experts: int = 8,
        stem: int = STEM,
        head: int = HEAD,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        rates = torch.linspace(0, drop_path, sum(stage.depth for stage in stages), device="cpu").tolist()
        layers: list[nn.Module] = [conv_norm(in_channels, stem, 3, stride=2)]
        channels = stem
        for stage in stages:
            for number in range(stage.depth):
                layers.append(
                    MobileBlock(
                        channels, stage.channels, stage.kernel, stage.stride if number == 0 else 1,
                        stage.expand, experts if stage.conditional else None, rates.pop(0),
                    )
                )  # fmt: skip
                channels = stage.channels
        self.body = nn.Sequential(*layers, conv_norm(channels, head, 1))
        self.head = PoolHead(head, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))
