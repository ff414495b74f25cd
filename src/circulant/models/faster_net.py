"""FasterNet: partial convolutions, each with a pair of pointwise ones, in four stages.

After Chen, Kao, He, Zhuo, Wen, Lee and Chan (2023), https://arxiv.org/abs/2303.03667, and the authors' code
with its configurations.
"""

from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor, nn

from circulant.models.residual import DropPath
from circulant.operators.spatial.partial_conv import PartialConv2d

PATCH, HEAD_WIDTH = 4, 1280
FIRST_SPREAD = 0.02  # of every weight


@final
class FasterNetBlock(nn.Module):
    """x + project(act(norm(expand(partial_conv(x))))), 2 C channels in between.

    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(
        self, channels: int, act: Callable[[], nn.Module], *, divisor: int = 4, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        hidden = 2 * channels
        self.branch = nn.Sequential(
            PartialConv2d(channels, divisor=divisor),
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            act(),
            nn.Conv2d(hidden, channels, 1, bias=False),
            DropPath(drop_path),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


@final
class FasterNet(nn.Module):
    """Patches of 4 x 4, stages with patches of 2 x 2 between them, and a head of two layers.

    Shapes: x (B, in_channels, H, W) -> logits (B, classes). Widths double from stage to stage.
    """

    def __init__(
        self,
        width: int,
        depths: Sequence[int],
        classes: int = 1000,
        *,
        act: Callable[[], nn.Module] = nn.ReLU,
        in_channels: int = 3,
        divisor: int = 4,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        rates = torch.linspace(0, drop_path, sum(depths), device="cpu").tolist()
        layers: list[nn.Module] = [_patches(in_channels, width, PATCH)]
        for stage, depth in enumerate(depths):
            if stage > 0:
                layers.append(_patches(width, 2 * width, 2))
                width *= 2
            layers += [
                FasterNetBlock(width, act, divisor=divisor, drop_path=rates.pop(0)) for _ in range(depth)
            ]
        self.stages = nn.Sequential(*layers)
        self.widen = nn.Linear(width, HEAD_WIDTH, bias=False)
        self.act = act()
        self.classify = nn.Linear(HEAD_WIDTH, classes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Every kernel from one truncated normal distribution, biases zero."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear | PartialConv2d):
                nn.init.trunc_normal_(layer.weight, std=FIRST_SPREAD)
        nn.init.zeros_(self.classify.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.act(self.widen(self.stages(x).mean((2, 3)))))


def faster_net_t0(classes: int = 1000) -> FasterNet:
    return FasterNet(40, (1, 2, 8, 2), classes, act=nn.GELU)


def faster_net_t1(classes: int = 1000) -> FasterNet:
    return FasterNet(64, (1, 2, 8, 2), classes, act=nn.GELU, drop_path=0.02)


def faster_net_t2(classes: int = 1000) -> FasterNet:
    return FasterNet(96, (1, 2, 8, 2), classes, drop_path=0.05)


def faster_net_s(classes: int = 1000) -> FasterNet:
    return FasterNet(128, (1, 2, 13, 2), classes, drop_path=0.1)


def faster_net_m(classes: int = 1000) -> FasterNet:
    return FasterNet(144, (3, 4, 18, 3), classes, drop_path=0.2)


def faster_net_l(classes: int = 1000) -> FasterNet:
    return FasterNet(192, (3, 4, 18, 3), classes, drop_path=0.3)


def _patches(in_channels: int, out_channels: int, size: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, size, size, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))
