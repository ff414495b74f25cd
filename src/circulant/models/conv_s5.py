"""A predictor of films from ConvS5 layers."""

from typing import final

from torch import Tensor, nn

from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.residual import Residual
from circulant.operators.sequence.conv_s5 import ConvS5

TAPS = 3


@final
class ConvS5Predictor(nn.Module):
    """A convolution of each frame, layers norm(x + dropout(ConvS5(x))), and a convolution back.

    Each frame's output follows from the frames up to it: trained on the next one, it predicts.
    Shapes: x (B, C, T, H, W) -> y (B, C, T, H, W).
    """

    def __init__(
        self, channels: int, width: int, states: int, depth: int, *, blocks: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        taps, padding = (1, TAPS, TAPS), (0, TAPS // 2, TAPS // 2)
        self.encode = nn.Conv3d(channels, width, taps, padding=padding)
        self.layers = nn.Sequential(
            *(
                Residual(
                    nn.Sequential(ConvS5(width, states, TAPS, blocks=blocks), nn.Dropout(dropout)),
                    ChannelLayerNorm(width),
                    post_norm=True,
                )
                for _ in range(depth)
            )
        )
        self.decode = nn.Conv3d(width, channels, taps, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.layers(self.encode(x)))
