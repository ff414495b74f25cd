"""One residual block: an operator mixes positions, an MLP mixes channels."""

from typing import final

import torch
from torch import Tensor, nn

MLP_RATIO = 2


@final
class Block(nn.Module):
    """x = x + a mixer(norm(x)); x = x + b mlp(norm(x)), with scales a, b of each channel, 1 at the start.

    Batch norm, as it trains well in the few hundred steps that a comparison can afford; layer norm
    stayed ten points of accuracy behind after two epochs of MNIST-5k.
    Shapes: x (B, C, *spatial) -> y (B, C, *spatial).
    """

    def __init__(self, channels: int, mixer: nn.Module) -> None:
        super().__init__()
        hidden = MLP_RATIO * channels
        self.mixer_norm = nn.BatchNorm1d(channels)
        self.mixer = mixer
        self.mixer_scale = nn.Parameter(torch.ones(channels, 1))
        self.mlp_norm = nn.BatchNorm1d(channels)
        # channels last: on a CPU one matrix product takes half the time of a convolution with one tap
        self.mlp = nn.Sequential(nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, channels))
        self.mlp_scale = nn.Parameter(torch.ones(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        positions = x.flatten(2)
        mixed: Tensor = self.mixer(self.mixer_norm(positions).reshape(x.shape))
        positions = positions + self.mixer_scale * mixed.flatten(2)
        rows = self.mlp_norm(positions).transpose(1, 2).contiguous()
        positions = positions + self.mlp_scale * self.mlp(rows).transpose(1, 2).contiguous()
        result: Tensor = positions.reshape(x.shape)
        return result
