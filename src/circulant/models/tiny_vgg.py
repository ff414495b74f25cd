"""Tiny VGG: two times two 3x3 convolutions and a pooling, small enough to be shown whole.

After Wang, Turko, Shaikh, Park, Das, Hohman, Kahng and Chau (2020), CNN Explainer: Learning Convolutional
Neural Networks with Interactive Visualization, https://arxiv.org/abs/2004.15004. The convolutions read no
zeros from outside, so that sides go 64, 62, 60, 30, 28, 26, 13. Flattened is channel by channel, as
everywhere in torch; the authors' network, made with Keras, flattens position by position.
"""

from typing import final

from torch import Tensor, nn

from circulant.core.errors import ArgumentError

KERNEL, POOL = 3, 2
SMALLEST_SIDE = 16  # 14, 12, 6, 4, 2, 1


@final
class TinyVgg(nn.Module):
    """Shapes: x (B, in_channels, side, side) -> logits (B, classes).  19,920 parameters as it stands."""

    def __init__(self, in_channels: int = 3, side: int = 64, classes: int = 10, width: int = 10) -> None:
        if side < SMALLEST_SIDE:
            raise ArgumentError(
                f"expected pictures of {SMALLEST_SIDE} pixels or more, got side {side}; enlarge them"
            )
        super().__init__()
        self.layers = nn.Sequential(
            *_module(in_channels, width),
            *_module(width, width),
            nn.Flatten(),
            nn.Linear(width * pooled_side(pooled_side(side)) ** 2, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits


def _module(in_channels: int, channels: int) -> list[nn.Module]:
    return [
        nn.Conv2d(in_channels, channels, KERNEL), nn.ReLU(),
        nn.Conv2d(channels, channels, KERNEL), nn.ReLU(),
        nn.MaxPool2d(POOL),
    ]  # fmt: skip


def pooled_side(side: int) -> int:
    """Side after two convolutions and the pooling."""
    return (side - 2 * (KERNEL - 1)) // POOL
