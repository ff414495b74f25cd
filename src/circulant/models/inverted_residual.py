"""The block of MobileNetV2: wide in the middle, where a depthwise convolution sees the neighbours."""

from collections.abc import Callable
from typing import final

from torch import Tensor, nn


def conv_norm(
    in_channels: int,
    out_channels: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    act: bool = True,
    activation: Callable[[], nn.Module] = nn.SiLU,
) -> nn.Sequential:
    """Convolution that keeps the grid up to its stride, batch norm and, unless act is False, activation."""
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False)
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(out_channels)]
    return nn.Sequential(*layers, activation()) if act else nn.Sequential(*layers)


@final
class InvertedResidual(nn.Module):
    """Expand, depthwise 3x3, project; added to x where the shape stays. With expand = 1 nothing is expanded.

    Shapes: x (B, C, H, W) -> y (B, D, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        expand: int = 4,
        activation: Callable[[], nn.Module] = nn.SiLU,
    ) -> None:
        super().__init__()
        hidden = expand * in_channels
        self.is_residual = stride == 1 and in_channels == out_channels
        wider = [] if expand == 1 else [conv_norm(in_channels, hidden, 1, activation=activation)]
        self.branch = nn.Sequential(
            *wider,
            conv_norm(hidden, hidden, 3, stride=stride, groups=hidden, activation=activation),
            conv_norm(hidden, out_channels, 1, act=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x) if self.is_residual else self.branch(x)
