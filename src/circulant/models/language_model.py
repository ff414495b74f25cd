"""A language model around any stack of causal modules."""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from circulant.models.channel_mlp import GatedMlp
from circulant.models.channel_norm import ChannelRMSNorm
from circulant.models.residual import Residual

MLP_RATIO = 2


@final
class LanguageModel(nn.Module):
    """Embedding, modules on (B, C, L), norm, and a linear map to the tokens.

    Shapes: codes (B, L) of integers -> logits (B, tokens, L), as torch's cross_entropy takes them.
    positions: longest input of a learnt position embedding; None for no such embedding.
    """

    def __init__(
        self,
        tokens: int,
        channels: int,
        layers: Sequence[nn.Module],
        *,
        positions: int | None = None,
        norm: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, channels)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.position = None
        if positions is not None:
            self.position = nn.Parameter(nn.init.normal_(torch.empty(channels, positions), std=0.02))
        self.layers = nn.Sequential(*layers)
        self.norm = ChannelRMSNorm(channels) if norm is None else norm
        self.head = nn.Linear(channels, tokens, bias=False)

    def forward(self, codes: Tensor) -> Tensor:
        x = self.embedding(codes).transpose(1, 2)
        if self.position is not None:
            x = x + self.position[:, : codes.shape[1]]
        return self.head(self.norm(self.layers(x)).transpose(1, 2)).transpose(1, 2)


def mixing_layer(channels: int, mixer: nn.Module) -> nn.Module:
    """A pre-norm residual pair: the mixer over positions, then a gated MLP over channels."""
    mlp = GatedMlp(channels, MLP_RATIO * channels)
    return nn.Sequential(Residual(mixer, ChannelRMSNorm(channels)), Residual(mlp, ChannelRMSNorm(channels)))
