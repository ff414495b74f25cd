"""The frequency-aware block of image compression: windows of four shapes, and gains for frequencies.

After Li, Li, Dai, Li, Zou and Xiong (2023), Frequency-Aware Transformer for Learned Image Compression,
https://arxiv.org/abs/2310.16387.
"""

from typing import final

from torch import Tensor, nn

from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.residual import Residual
from circulant.operators.spectral.frequency_decomposition_window_attention2d import (
    FrequencyDecompositionWindowAttention2d,
)
from circulant.operators.spectral.frequency_modulation_ffn2d import FrequencyModulationFFN2d


@final
class FatBlock(nn.Module):
    """x + W_2 (transformer (W_1 x)): pre-norm attention and feed-forward between two linear maps.

    Blocks alternate between windows that are shifted and windows that are not; tiles of the feed-forward
    are twice the base window. Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(self, channels: int, heads: int, window: int = 8, *, shifted: bool = False) -> None:
        super().__init__()
        attention = FrequencyDecompositionWindowAttention2d(channels, heads, window, shifted=shifted)
        feed_forward = FrequencyModulationFFN2d(channels, 2 * window)
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 1),
            Residual(attention, ChannelLayerNorm(channels)),
            Residual(feed_forward, ChannelLayerNorm(channels)),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)
