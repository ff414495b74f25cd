"""TSLANet: patches of a series through adaptive spectral and interactive convolution blocks.

Eldele et al., 2024, https://arxiv.org/abs/2404.08472. Sizes and the order of things follow the authors'
code for classification; their forecasting network cuts single channels into patches instead.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.heads import PoolHead
from circulant.models.residual import Residual
from circulant.operators.sequence.interactive_conv_block1d import InteractiveConvBlock1d
from circulant.operators.spectral.adaptive_spectral_block1d import AdaptiveSpectralBlock1d

INITIAL_SPREAD = 0.02  # of position and of linear maps


def tslanet_layer(channels: int, *, dropout: float = 0.0, drop_path: float = 0.0) -> nn.Module:
    """x + convolve(norm(filter(norm(x)))): both blocks in one residual branch, (B, C, L) kept."""
    branch = nn.Sequential(
        AdaptiveSpectralBlock1d(channels),
        ChannelLayerNorm(channels),
        InteractiveConvBlock1d(channels, dropout=dropout),
    )
    return Residual(branch, ChannelLayerNorm(channels), drop_path=drop_path)


@final
class TSLANet(nn.Module):
    """Overlapping patches, position, layers, a linear head on the mean.  Shapes: x (B, C, L) -> logits.

    `patches` and `features` are the two halves of the body: masked pretraining calls them apart.
    """

    def __init__(
        self,
        in_channels: int,
        length: int,
        classes: int,
        *,
        channels: int = 128,
        depth: int = 2,
        patch: int = 8,
        dropout: float = 0.15,
    ) -> None:
        super().__init__()
        if not 2 <= patch <= length:
            raise ArgumentError(f"expected patches of 2 to {length} samples, the length, got {patch}")
        stride = patch // 2
        self.embed = nn.Conv1d(in_channels, channels, patch, stride=stride)
        self.position = nn.Parameter(torch.empty(channels, (length - patch) // stride + 1))
        self.dropout = nn.Dropout(dropout)
        rates = torch.linspace(0, dropout, depth).tolist()
        layers = [tslanet_layer(channels, dropout=dropout, drop_path=rate) for rate in rates]
        self.layers = nn.Sequential(*layers)
        self.head = PoolHead(channels, classes)
        nn.init.trunc_normal_(self.position, std=INITIAL_SPREAD)
        nn.init.trunc_normal_(self.head.classify.weight, std=INITIAL_SPREAD)
        nn.init.zeros_(self.head.classify.bias)

    def patches(self, x: Tensor) -> Tensor:
        """Embedded patches with their positions (B, channels, patches)."""
        return self.dropout(self.embed(x) + self.position)

    def features(self, patches: Tensor) -> Tensor:
        """What the layers make of them, same shape."""
        return self.layers(patches)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(self.patches(x)))
