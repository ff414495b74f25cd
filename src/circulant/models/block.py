"""One residual block: an operator mixes positions, an MLP mixes channels."""

from typing import final

import torch
from torch import Tensor, nn

MLP_RATIO = 2
SCALE = 0.5  # of each branch at the start; 1e-6, usual in deep networks, needs many epochs to open


@final
class ChannelNorm(nn.Module):
    """Layer norm over the channels of each position alone, so that it mixes no positions.

    Shapes: x (B, C, *spatial) -> y (B, C, *spatial).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norm(x.movedim(1, -1))
        return result.movedim(-1, 1)


@final
class Block(nn.Module):
    """x = x + a mixer(norm(x)); x = x + b mlp(norm(x)).

    Shapes: x (B, C, *spatial) -> y (B, C, *spatial).
    """

    def __init__(self, channels: int, mixer: nn.Module) -> None:
        super().__init__()
        self.mixer_norm = ChannelNorm(channels)
        self.mixer = mixer
        self.mixer_scale = nn.Parameter(torch.full((channels,), SCALE))
        hidden = MLP_RATIO * channels
        self.mlp = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, channels)
        )
        self.mlp_scale = nn.Parameter(torch.full((channels,), SCALE))

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mixer(self.mixer_norm(x).contiguous())
        tokens = x.movedim(1, -1) + self.mixer_scale * mixed.movedim(1, -1)
        tokens = tokens + self.mlp_scale * self.mlp(tokens)
        return tokens.movedim(-1, 1)
