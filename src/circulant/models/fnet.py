"""FNet: a transformer encoder whose attention is replaced by a Fourier transform, and its twins.

Lee-Thorp et al., 2021, https://arxiv.org/abs/2105.03824. As in the authors' code norms come after the
residuals with eps 1e-12, and embeddings are normalised and mapped. Padding is mixed like any other token:
the transform knows no mask. Deviations: GELU is exact here, theirs is approximated by tanh, and the attention
of hybrids takes no mask either.
"""

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.residual import Residual
from circulant.operators.spectral.fourier_mixing1d import FourierMixing1d

EPS = 1e-12
INITIAL_SPREAD = 0.02
HEAD_CHANNELS = 64
SEGMENTS = 4  # kinds of them

Mixing = Callable[[int, int], nn.Module]  # (channels, longest sequence) -> module that keeps (B, C, L)


def fourier_mixing(channels: int, positions: int) -> nn.Module:
    return FourierMixing1d(channels)


def no_mixing(channels: int, positions: int) -> nn.Module:
    """Feed-forward layers alone."""
    return nn.Identity()


@final
class LinearMixing(nn.Module):
    """Dense matrices over positions and over channels, learnt or drawn once.

    Shapes: x (B, C, positions) -> y (B, C, positions). learnt=False keeps them as they were drawn.
    """

    def __init__(self, channels: int, positions: int, *, learnt: bool = True) -> None:
        super().__init__()
        self.over_channels = nn.Parameter(torch.empty(channels, channels), requires_grad=learnt)
        self.over_positions = nn.Parameter(torch.empty(positions, positions), requires_grad=learnt)
        for matrix in (self.over_channels, self.over_positions):
            nn.init.normal_(matrix, std=INITIAL_SPREAD if learnt else len(matrix) ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != len(self.over_positions):
            raise ShapeError(
                f"expected x (B, C, L) with L = {len(self.over_positions)}, got {tuple(x.shape)}; pad it"
            )
        return self.over_channels @ x @ self.over_positions.T


def random_mixing(channels: int, positions: int) -> nn.Module:
    """Dense matrices that are never trained."""
    return LinearMixing(channels, positions, learnt=False)


@final
class _Attention(nn.Module):
    """Self-attention over positions (B, C, L) that a hybrid keeps in its last layers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        heads = max(channels // HEAD_CHANNELS, 1)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.transpose(1, 2)
        return self.attention(tokens, tokens, tokens, need_weights=False)[0].transpose(1, 2)


@final
class FNetEncoder(nn.Module):
    """Embeddings and post-norm layers.  Shapes: codes (B, L) of integers -> hidden (B, channels, L).

    attention_layers: how many of the last layers keep attention. The defaults are FNet-Base.
    """

    def __init__(
        self,
        tokens: int = 32_000,
        channels: int = 768,
        depth: int = 12,
        positions: int = 512,
        *,
        mixing: Mixing = fourier_mixing,
        attention_layers: int = 0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if not 0 <= attention_layers <= depth:
            raise ArgumentError(f"expected attention_layers of 0 to depth = {depth}, got {attention_layers}")
        self.word = nn.Embedding(tokens, channels)
        self.position = nn.Embedding(positions, channels)
        self.segment = nn.Embedding(SEGMENTS, channels)
        self.norm = nn.LayerNorm(channels, EPS)
        self.map = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)
        layers = []
        for layer in range(depth):
            attends = layer >= depth - attention_layers
            mixer = _Attention(channels) if attends else mixing(channels, positions)
            feed = nn.Sequential(ChannelMlp(channels, 4 * channels), nn.Dropout(dropout))
            layers += [
                Residual(module, ChannelLayerNorm(channels, EPS), post_norm=True) for module in (mixer, feed)
            ]
        self.layers = nn.Sequential(*layers)
        self.pooler = nn.Linear(channels, channels)
        for embedding in (self.word, self.position, self.segment):
            nn.init.normal_(embedding.weight, std=INITIAL_SPREAD)

    def forward(self, codes: Tensor, segments: Tensor | None = None) -> Tensor:
        length, longest = codes.shape[1], self.position.num_embeddings
        if length > longest:
            raise ShapeError(f"expected codes (B, L) with L of at most {longest}, got {tuple(codes.shape)}")
        embedded = self.word(codes) + self.position.weight[:length]
        embedded = embedded + self.segment(torch.zeros_like(codes) if segments is None else segments)
        x = self.dropout(self.map(self.norm(embedded))).transpose(1, 2)
        return self.layers(x)

    def pooled(self, hidden: Tensor) -> Tensor:
        """The first position through a map and tanh (B, channels)."""
        return self.pooler(hidden[:, :, 0]).tanh()


@final
class FNetClassifier(nn.Module):
    """A linear map of the pooled first position.  Shapes: codes (B, L) -> logits (B, classes)."""

    def __init__(self, encoder: FNetEncoder, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.pooler.out_features, classes)

    def forward(self, codes: Tensor, segments: Tensor | None = None) -> Tensor:
        return self.head(self.encoder.pooled(self.encoder(codes, segments)))


@final
class FNetPretraining(nn.Module):
    """Both heads of pretraining: hidden words, and whether the second sentence follows the first."""

    def __init__(self, encoder: FNetEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        tokens, channels = encoder.word.weight.shape
        self.map = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.LayerNorm(channels, EPS))
        self.bias = nn.Parameter(torch.zeros(tokens))
        self.follows = nn.Linear(channels, 2)

    def words(self, hidden: Tensor) -> Tensor:
        """Logits (B, tokens, L) of hidden states, by the embedding's own matrix."""
        mapped = self.map(hidden.transpose(1, 2))
        return (mapped @ self.encoder.word.weight.T + self.bias).transpose(1, 2)

    def forward(self, codes: Tensor, segments: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits of the words (B, tokens, L) and of the two answers (B, 2)."""
        hidden = self.encoder(codes, segments)
        return self.words(hidden), self.follows(self.encoder.pooled(hidden))
