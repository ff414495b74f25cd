"""AttNet: attentive convolutions and gated networks on four grids.

After Yu, Chen, Jiang, Peng, Sun, Kaski and Zhao (2025), Attentive Convolution: Unifying the Expressivity of
Self-Attention with Convolutional Efficiency, https://arxiv.org/abs/2510.20092, and its published code.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.channel_norm import ChannelLayerNorm, ChannelRMSNorm
from circulant.models.conv_glu import ConvGlu
from circulant.models.heads import NormedPoolHead
from circulant.models.inverted_residual import conv_norm
from circulant.models.residual import Residual
from circulant.operators.dynamic.attentive_conv2d import AttentiveConv2d

LAYER_SCALE = 1e-6
EXPAND = (8, 8, 4, 4)  # two thirds of it in each half of the gated networks


@final
@dataclass(frozen=True, slots=True)
class AttDesign:
    """Channels and blocks of each stage; layer_scale and norm (of the gated networks) as published."""

    channels: tuple[int, ...]
    depths: tuple[int, ...]
    layer_scale: bool = True
    norm: bool = True
    expand: tuple[int, ...] = EXPAND

    def __post_init__(self) -> None:
        if not len(self.channels) == len(self.depths) == len(self.expand) > 0:
            raise ArgumentError(
                f"expected channels, depths and expand for the same stages, got {self.channels}, "
                f"{self.depths} and {self.expand}"
            )


ATTNET_XXS = AttDesign((32, 64, 128, 240), (2, 2, 4, 2), layer_scale=False, norm=False)
ATTNET_XS = AttDesign((40, 80, 160, 320), (2, 2, 7, 2), norm=False)
ATTNET_S = AttDesign((40, 80, 160, 320), (2, 3, 10, 3), layer_scale=False, norm=False)
ATTNET_T1 = AttDesign((48, 96, 224, 384), (2, 3, 12, 3))
ATTNET_T2 = AttDesign((64, 128, 288, 512), (3, 3, 16, 3))
ATTNET_T3 = AttDesign((72, 144, 320, 576), (4, 4, 26, 4))
ATTNET_T4 = AttDesign((96, 192, 384, 768), (5, 5, 28, 5))


def att_block(
    channels: int, expand: int, layer_scale: bool = True, norm: bool = True, *, drop_path: float = 0.0
) -> nn.Sequential:
    """x + a mixer(norm(x)), then x + b glu(norm(x)).  Shapes: x (B, C, H, W) -> y (B, C, H, W)."""
    hidden = 2 * expand * channels // 3
    parts = (
        AttentiveConv2d(channels),
        ConvGlu(channels, hidden, ChannelRMSNorm(hidden) if norm else None),
    )
    scale = LAYER_SCALE if layer_scale else None
    residuals = [
        Residual(part, ChannelLayerNorm(channels, 1e-6), channels=channels, scale=scale, drop_path=drop_path)
        for part in parts
    ]
    return nn.Sequential(*residuals)


@final
class AttNet(nn.Module):
    """Two strided convolutions, stages with one between them, and a linear head.

    Shapes: x (B, C, H, W) -> logits (B, classes). drop_path grows from 0 at the first block.
    """

    def __init__(
        self,
        design: AttDesign = ATTNET_T2,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        first, last = design.channels[0], design.channels[-1]
        rates = torch.linspace(0, drop_path, sum(design.depths), device="cpu").tolist()
        layers: list[nn.Module] = [
            conv_norm(in_channels, first // 2, 3, stride=2, act=False),
            nn.GELU(),
            conv_norm(first // 2, first, 3, stride=2, act=False),
        ]
        stages = zip(design.channels, design.depths, design.expand)
        for stage, (width, depth, expand) in enumerate(stages):
            if stage > 0:
                layers.append(conv_norm(design.channels[stage - 1], width, 3, stride=2, act=False))
            for _ in range(depth):
                rate = rates.pop(0)
                layers.append(att_block(width, expand, design.layer_scale, design.norm, drop_path=rate))
        self.body = nn.Sequential(*layers)
        self.head = NormedPoolHead(nn.LayerNorm(last), last, classes)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))
