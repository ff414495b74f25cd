"""RedNet: a residual network whose windows are involutions.

After Li, Hu, Wang, Li, She, Zhu, Zhang and Chen (2021), Involution: Inverting the Inherence of Convolution
for Visual Recognition, https://arxiv.org/abs/2103.06255, and its published code.
"""

from collections.abc import Sequence
from typing import final

from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.heads import PoolHead
from circulant.models.inverted_residual import conv_norm
from circulant.operators.dynamic.involution2d import Involution2d

DEPTHS = {
    26: (1, 2, 4, 1),
    38: (2, 3, 5, 2),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
WIDTH, EXPAND, KERNEL = 64, 4, 7


@final
class Bottleneck(nn.Module):
    """relu(shortcut(x) + expand(involution(reduce(x)))): the involution sees a quarter of the channels.

    The last norm starts at zero. Shapes: x (B, C, H, W) -> y (B, D, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, kernel: int = KERNEL) -> None:
        super().__init__()
        inside = out_channels // EXPAND
        expand = conv_norm(inside, out_channels, 1, act=False)
        nn.init.zeros_(expand[-1].weight)  # type: ignore[arg-type]
        self.branch = nn.Sequential(
            conv_norm(in_channels, inside, 1, act=False),
            nn.ReLU(),
            Involution2d(inside, kernel, stride),
            nn.BatchNorm2d(inside),
            nn.ReLU(),
            expand,
        )
        keeps = stride == 1 and in_channels == out_channels
        self.shortcut = (
            nn.Identity() if keeps else conv_norm(in_channels, out_channels, 1, stride=stride, act=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return (self.shortcut(x) + self.branch(x)).relu()


@final
class RedNet(nn.Module):
    """A stem with a 3x3 involution, max pooling, four stages of bottlenecks, and a linear head.

    Shapes: x (B, C, H, W) -> logits (B, classes). Stage i has width 2^i EXPAND channels outside its branches.
    """

    def __init__(
        self, depths: Sequence[int], classes: int = 1000, in_channels: int = 3, *, width: int = WIDTH
    ) -> None:
        super().__init__()
        if width % 32:
            raise ArgumentError(f"expected a width that is a multiple of 32, got {width}")
        layers: list[nn.Module] = [
            conv_norm(in_channels, width // 2, 3, stride=2, act=False),
            nn.ReLU(),
            Involution2d(width // 2, 3),
            nn.BatchNorm2d(width // 2),
            nn.ReLU(),
            conv_norm(width // 2, width, 3, act=False),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]
        channels = width
        for stage, depth in enumerate(depths):
            wide = EXPAND * width * 2**stage
            for number in range(depth):
                layers.append(Bottleneck(channels, wide, 2 if stage > 0 and number == 0 else 1))
                channels = wide
        self.body = nn.Sequential(*layers)
        self.head = PoolHead(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def red_net(layers: int, classes: int = 1000, in_channels: int = 3) -> RedNet:
    """One of the published sizes: 26, 38, 50, 101 or 152 layers."""
    if layers not in DEPTHS:
        raise ArgumentError(f"expected layers among {', '.join(map(str, DEPTHS))}, got {layers}")
    return RedNet(DEPTHS[layers], classes, in_channels)
