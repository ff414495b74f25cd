"""The attention of two well-known vision transformers, for the slot of a unified backbone.

Liu, Lin, Cao, Hu, Wei, Zhang, Lin and Guo, 2021, Swin Transformer: Hierarchical Vision Transformer using
Shifted Windows, https://arxiv.org/abs/2103.14030; Wang, Xie, Li, Fan, Song, Liang, Lu, Luo and Shao, 2021,
Pyramid Vision Transformer: A Versatile Backbone for Dense Prediction without Convolutions,
https://arxiv.org/abs/2102.12122.
"""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from circulant.core.errors import ArgumentError
from circulant.models.channel_norm import ChannelLayerNorm


@final
class WindowAttention(nn.Module):
    """Attention inside windows of the picture, with a learned score for each offset.

    shift: how far down and right windows are moved. Those at the border then hold less of the picture, where
    published code joins opposite borders in one window and hides them from each other: the same result.
    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(self, channels: int, heads: int, window: int = 7, shift: int = 0) -> None:
        super().__init__()
        _require_heads(channels, heads)
        if not 0 <= shift < window:
            raise ArgumentError(f"expected a window above the shift of 0 or more, got {window} and {shift}")
        self.heads, self.window, self.shift = heads, window, shift
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        self.relative = nn.Parameter(torch.zeros(heads, 2 * window - 1, 2 * window - 1))
        nn.init.trunc_normal_(self.relative, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        y, n = self._windows(x), self.window
        rows, columns = y.shape[1], y.shape[2]
        q, k, v = self.qkv(y).unflatten(-1, (3, self.heads, -1)).permute(4, 0, 1, 2, 5, 3, 6)
        bias = self._bias() + self._hidden(rows, columns, height, width, x).unsqueeze(2)
        mixed = scaled_dot_product_attention(q, k, v, bias.to(q.dtype)).transpose(3, 4).flatten(4)
        picture = self.project(mixed).unflatten(3, (n, n)).permute(0, 5, 1, 3, 2, 4)
        lead = -self.shift % n
        return picture.flatten(4).flatten(2, 3)[:, :, lead : lead + height, lead : lead + width]

    def _windows(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, rows, columns, window^2, C)."""
        lead, n = -self.shift % self.window, self.window
        below, right = (-(lead + length) % n for length in x.shape[2:])
        padded = pad(x, (lead, right, lead, below))
        return padded.unflatten(3, (-1, n)).unflatten(2, (-1, n)).permute(0, 2, 4, 3, 5, 1).flatten(3, 4)

    def _bias(self) -> Tensor:
        """(heads, window^2, window^2): by the key's place less the query's."""
        place = torch.arange(self.window, device=self.relative.device)
        offset = place - place[:, None] + self.window - 1
        table = self.relative[:, offset[:, None, :, None], offset[None, :, None, :]]
        return table.flatten(3).flatten(1, 2)

    def _hidden(self, rows: int, columns: int, height: int, width: int, x: Tensor) -> Tensor:
        """(rows, columns, 1, window^2): -inf at keys outside of the picture."""
        lead, n = -self.shift % self.window, self.window
        down = torch.arange(rows * n, device=x.device) - lead
        across = torch.arange(columns * n, device=x.device) - lead
        inside = ((down >= 0) & (down < height))[:, None] & ((across >= 0) & (across < width))
        keys = inside.unflatten(1, (-1, n)).unflatten(0, (-1, n)).transpose(1, 2).flatten(2)
        return torch.zeros_like(keys, dtype=x.dtype).masked_fill(~keys, -torch.inf).unsqueeze(2)


@final
class SpatialReductionAttention(nn.Module):
    """Every pixel attends to the whole picture, made coarser by a strided convolution.

    Zeros are laid below and right where `reduction` does not divide the sides, so that no pixel is left out.
    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(self, channels: int, heads: int, reduction: int = 1) -> None:
        super().__init__()
        _require_heads(channels, heads)
        self.heads, self.reduction = heads, reduction
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.project = nn.Linear(channels, channels)
        self.reduce: nn.Module = nn.Identity()
        if reduction > 1:
            self.reduce = nn.Sequential(
                nn.Conv2d(channels, channels, reduction, reduction), ChannelLayerNorm(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        q = self.q(x.flatten(2).mT).unflatten(2, (self.heads, -1)).transpose(1, 2)
        below, right = (-length % self.reduction for length in x.shape[2:])
        coarse = self.reduce(pad(x, (0, right, 0, below))).flatten(2).mT
        k, v = self.kv(coarse).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.project(mixed).mT.unflatten(2, x.shape[2:])


def _require_heads(channels: int, heads: int) -> None:
    if heads < 1 or channels % heads:
        raise ArgumentError(f"expected heads to divide channels = {channels}, got {heads}")
