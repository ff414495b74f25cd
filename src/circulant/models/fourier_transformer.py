"""Fourier Transformer: an encoder whose later layers see a sequence shortened by cosine transforms.

He et al., 2023, https://arxiv.org/abs/2305.15099. As in the authors' code for long sequences the attention
of a shortening layer, and its residual, work on the shortened, normed input, and a mask of padding has no
meaning from there on. The parameters are those of the plain encoder, by the same names.
"""

from collections.abc import Mapping
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.residual import Residual
from circulant.operators.spectral.dct_downsample1d import DCTDownsample1d

INITIAL_SPREAD = 0.02


@final
class FourierTransformerLayer(nn.Module):
    """A pre-norm layer.  Shapes: x (B, C, L) -> y (B, C, L), or shorter where ratio is not None."""

    def __init__(
        self,
        channels: int,
        heads: int,
        hidden: int,
        *,
        ratio: float | None = None,
        keep_first: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ArgumentError(f"expected heads as a divisor of channels = {channels}, got {heads}")
        self.heads = heads
        self.norm = ChannelLayerNorm(channels)
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.output = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)
        shorten = None if ratio is None else DCTDownsample1d(channels, ratio, keep_first=keep_first)
        self.shorten = shorten
        mlp = ChannelMlp(channels, hidden, dropout=dropout)
        self.feed = Residual(mlp, ChannelLayerNorm(channels))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """mask (B, L): True where attention may look; nothing for a layer that shortens."""
        normed = self.norm(x)
        if self.shorten is not None:
            x = normed = self.shorten(normed)
            mask = None
        return self.feed(x + self.dropout(self._attended(normed, mask)))

    def _attended(self, x: Tensor, mask: Tensor | None) -> Tensor:
        tokens = x.transpose(1, 2)
        q, k, v = (
            project(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        seen = None if mask is None or mask.shape[1] != x.shape[-1] else mask[:, None, None]
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.output(attended.transpose(1, 2).flatten(2)).transpose(1, 2)


@final
class FourierTransformerEncoder(nn.Module):
    """Embedding, position, layers and a norm.  Shapes: codes (B, L) of integers -> hidden (B, C, k).

    ratios: for layers by number, which share of the positions they keep; none of them is the plain encoder.
    """

    def __init__(
        self,
        tokens: int,
        positions: int,
        ratios: Mapping[int, float],
        *,
        channels: int = 64,
        depth: int = 2,
        heads: int = 2,
        hidden: int = 128,
        keep_first: bool = False,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        strays = sorted(set(ratios) - set(range(depth)))
        if strays:
            raise ArgumentError(f"expected ratios for layers 0 to {depth - 1}, got some for {strays}")
        self.embedding = nn.Embedding(tokens, channels)
        self.position = nn.Embedding(positions, channels)
        for embedding in (self.embedding, self.position):
            nn.init.normal_(embedding.weight, std=INITIAL_SPREAD)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            FourierTransformerLayer(
                channels, heads, hidden, ratio=ratios.get(layer), keep_first=keep_first, dropout=dropout
            )
            for layer in range(depth)
        )
        self.norm = ChannelLayerNorm(channels)

    def forward(self, codes: Tensor, mask: Tensor | None = None) -> Tensor:
        """mask (B, L): False at padding."""
        length, longest = codes.shape[1], self.position.num_embeddings
        if length > longest:
            raise ShapeError(f"expected codes (B, L) with L of at most {longest}, got {tuple(codes.shape)}")
        x = self.dropout(self.embedding(codes) + self.position.weight[:length]).transpose(1, 2)
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)


def retained_energy(x: Tensor, ratio: float) -> float:
    """The share of the energy of x (B, C, L) that shortening by that ratio keeps."""
    kept = DCTDownsample1d(x.shape[1], ratio)(x)
    with torch.no_grad():
        return float(kept.square().sum() / x.square().sum())
