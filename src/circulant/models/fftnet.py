"""FFTNet: transformer layers with an adaptive spectral filter in attention's place.

Fein-Ashley, Kannan and Prasanna, 2025, https://arxiv.org/abs/2502.18394, in the authors' first release: the
norm of the filter comes after its residual, that of the feed-forward net before it.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ShapeError
from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.residual import Residual
from circulant.operators.spectral.adaptive_spectral_filter1d import AdaptiveSpectralFilter1d

MLP_RATIO = 4
INITIAL_SPREAD = 0.02  # of position and of the class token


@final
class FFTNetMixer(nn.Module):
    """norm(x + filter(x)), then x + mlp(norm(x)).  Shapes: x (B, C, L) -> y (B, C, L), L = length."""

    def __init__(
        self, channels: int, length: int, heads: int = 4, *, adaptive: bool = True, dropout: float = 0.1
    ) -> None:
        super().__init__()
        mixer = AdaptiveSpectralFilter1d(channels, length, heads, adaptive=adaptive)
        mixing = nn.Sequential(mixer, nn.Dropout(dropout))
        self.mixing = Residual(mixing, ChannelLayerNorm(channels), post_norm=True)
        mlp = ChannelMlp(channels, MLP_RATIO * channels, dropout=dropout)
        self.feeding = Residual(mlp, ChannelLayerNorm(channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.feeding(self.mixing(x))


@final
class FFTNet(nn.Module):
    """A class token before the sequence, position, layers, and a linear head on that token.

    Shapes: x (B, C, L) -> logits (B, classes), L = length.
    """

    def __init__(
        self,
        in_channels: int,
        length: int,
        classes: int,
        *,
        channels: int = 768,
        depth: int = 12,
        heads: int = 12,
        adaptive: bool = True,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.embed = nn.Conv1d(in_channels, channels, 1)
        self.token = nn.Parameter(torch.empty(channels, 1))
        self.position = nn.Parameter(torch.empty(channels, length + 1))
        self.dropout = nn.Dropout(dropout)
        layers = [
            FFTNetMixer(channels, length + 1, heads, adaptive=adaptive, dropout=dropout) for _ in range(depth)
        ]
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, classes)
        for parameter in (self.token, self.position):
            nn.init.trunc_normal_(parameter, std=INITIAL_SPREAD)

    def forward(self, x: Tensor) -> Tensor:
        length = self.position.shape[1] - 1
        if x.shape[-1] != length:
            raise ShapeError(f"expected x (B, C, L) with L = {length}, got {tuple(x.shape)}; pad or cut it")
        token = self.token.expand(len(x), -1, -1)
        tokens = torch.cat([token, self.embed(x)], -1) + self.position
        return self.head(self.norm(self.layers(self.dropout(tokens))[..., 0]))
