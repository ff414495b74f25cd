"""ResNet of bottlenecks, the network that speed is told by most often.

After He, Zhang, Ren and Sun (2015), Deep Residual Learning for Image Recognition,
https://arxiv.org/abs/1512.03385, with the stride in the 3x3 convolution, as torchvision has it.
"""

from collections.abc import Sequence
from typing import final

from torch import Tensor, nn

from circulant.models.heads import PoolHead
from circulant.models.initial_weights import outgoing_normal_weights
from circulant.models.inverted_residual import conv_norm
from circulant.models.stages import StagedNetwork

RES_NET_50 = (3, 4, 6, 3)  # 25.6 million parameters
WIDTH, EXPAND = 64, 4


@final
class Bottleneck(nn.Module):
    """relu(shortcut(x) + 1x1(relu(3x3(relu(1x1(x)))))), a norm after each, `width` channels in the middle.

    Shapes: x (B, C, H, W) -> y (B, 4 width, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = EXPAND * width
        self.branch = nn.Sequential(
            conv_norm(in_channels, width, 1, activation=nn.ReLU),
            conv_norm(width, width, 3, stride=stride, activation=nn.ReLU),
            conv_norm(width, out_channels, 1, act=False),
        )
        keeps = stride == 1 and in_channels == out_channels
        self.shortcut = (
            nn.Identity() if keeps else conv_norm(in_channels, out_channels, 1, stride=stride, act=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return (self.shortcut(x) + self.branch(x)).relu()


@final
class ResNet(StagedNetwork):
    """A 7x7 convolution and max pooling, stages of bottlenecks, each twice as wide, and a linear head.

    Shapes: x (B, in_channels, H, W) -> logits (B, classes).
    """

    def __init__(
        self,
        depths: Sequence[int] = RES_NET_50,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        width: int = WIDTH,
    ) -> None:
        stem = [conv_norm(in_channels, width, 7, stride=2, activation=nn.ReLU), nn.MaxPool2d(3, 2, 1)]
        stages: list[list[nn.Module]] = []
        channels = width
        for stage, depth in enumerate(depths):
            blocks: list[nn.Module] = [] if stage else [*stem]
            for number in range(depth):
                stride = 2 if stage > 0 and number == 0 else 1
                blocks.append(Bottleneck(channels, width * 2**stage, stride))
                channels = EXPAND * width * 2**stage
            stages.append(blocks)
        super().__init__(stages, PoolHead(channels, classes))
        outgoing_normal_weights(self)
