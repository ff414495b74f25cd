"""A transformer that predicts slices of channels from the slices before them: T-CA, an entropy model.

After Li, Li, Dai, Li, Zou and Xiong (2023), Frequency-Aware Transformer for Learned Image Compression,
https://arxiv.org/abs/2310.16387, and its published code.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError

LEAST_SCALE, LEAST_LIKELIHOOD = 0.01, 1e-9


@final
@dataclass(frozen=True, slots=True)
class LatentPrediction:
    """Of each latent value (B, C, H, W): a Gaussian, and what to add to the rounded value."""

    mean: Tensor
    scale: Tensor  # above LEAST_SCALE
    residual: Tensor  # -0.5 to 0.5


def gaussian_bits(latent: Tensor, prediction: LatentPrediction) -> Tensor:
    """Bits of integers under the Gaussian, integrated over one unit around each -> (B, C, H, W)."""
    distance = (latent - prediction.mean).abs()
    below, above = ((side - distance) / prediction.scale for side in (-0.5, 0.5))
    likelihood = (torch.special.erfc(-above / sqrt(2)) - torch.special.erfc(-below / sqrt(2))) / 2
    return -likelihood.clamp(min=LEAST_LIKELIHOOD).log2()


@final
class SliceAttention(nn.Module):
    """Channels of one window attend to channels of their own slice and of those before it.

    Shapes: x (N, C, *window) -> y (N, C, *window). The heads take turns over the channels, so that each
    has some of every slice.
    """

    def __init__(self, channels: int, slices: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.maps = nn.ModuleList(nn.Conv2d(channels, channels, 1, groups=slices) for _ in range(4))
        number = torch.arange(channels // heads) * slices // (channels // heads)
        self.is_later: Tensor
        self.register_buffer("is_later", number > number[:, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(1, (-1, self.heads)).transpose(1, 2).flatten(3)
            for layer in list(self.maps)[:3]
        )
        scores = q @ k.mT * q.shape[2] ** -0.5
        mixed = scores.masked_fill(self.is_later, float("-inf")).softmax(-1) @ v
        return self.maps[3](mixed.transpose(1, 2).reshape(x.shape))


@final
class SliceBlock(nn.Module):
    """Attention between channels in windows, then an MLP within slices; norms are over slices."""

    def __init__(self, channels: int, slices: int, heads: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.norm = nn.GroupNorm(slices, channels)
        self.place = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.place_norm = nn.GroupNorm(slices, channels)
        self.attention = SliceAttention(channels, slices, heads)
        self.mlp = nn.Sequential(
            nn.GroupNorm(slices, channels),
            nn.Conv2d(channels, channels, 1, groups=slices),
            nn.GELU(),
            nn.Conv2d(channels, channels, 1, groups=slices),
        )

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        n = self.window
        tiles = x.reshape(B, C, H // n, n, W // n, n).permute(0, 2, 4, 1, 3, 5).reshape(-1, C, n, n)
        seen = self.norm(tiles)
        seen = seen + F.gelu(self.place_norm(self.place(seen)))
        mixed = self.attention(seen).reshape(B, H // n, W // n, C, n, n).permute(0, 3, 1, 4, 2, 5)
        x = x + mixed.reshape(x.shape)
        return x + self.mlp(x)


@final
class ChannelAutoregressiveTransformer(nn.Module):
    """Gaussians for latents (B, C, H, W) from side information (B, 2 C, H, W) and from earlier slices.

    The channels of the latents are cut into `slices`; slice s is predicted from the side information and
    from slices before s, whatever s and later ones hold. Blocks have `ratio` channels for each of the
    latents'; H and W are multiples of the window. Published: C = 320, 5 slices, depth 12, ratio 4.
    The scale is LEAST_SCALE + softplus, where the published code cuts it off at that value.
    """

    def __init__(
        self,
        channels: int = 320,
        slices: int = 5,
        depth: int = 12,
        *,
        ratio: int = 4,
        heads: int = 16,
        window: int = 8,
    ) -> None:
        super().__init__()
        wide = ratio * channels
        if slices < 1 or channels % slices or wide % (heads * slices):
            raise ArgumentError(
                f"expected slices as a divisor of channels, and heads times slices of ratio times channels, "
                f"got {slices} slices of {channels} channels, {heads} heads and ratio {ratio}"
            )
        self.channels, self.slices, self.window = channels, slices, window
        self.start = nn.Conv2d(2 * channels, channels // slices, 3, padding=1)
        self.lift = nn.Conv2d(channels, wide, 3, padding=1, groups=slices)
        self.blocks = nn.Sequential(*(SliceBlock(wide, slices, heads, window) for _ in range(depth)))
        self.side = nn.Conv2d(2 * channels, 2 * channels, 1)
        sizes = (wide + 2 * channels, wide // 2, 3 * channels, 3 * channels)
        first, second, third = (
            nn.Conv2d(inner, outer, 3, padding=1, groups=slices) for inner, outer in pairwise(sizes)
        )
        self.predict = nn.Sequential(first, nn.GELU(), second, nn.GELU(), third)

    def forward(self, side: Tensor, latent: Tensor) -> LatentPrediction:
        """latent: the rounded values."""
        B, C, H, W = latent.shape
        if self.channels != C or side.shape != (B, 2 * C, H, W) or H % self.window or W % self.window:
            raise ShapeError(
                f"expected latent (B, {self.channels}, H, W) with multiples of {self.window} and side "
                f"information of twice the channels, got {tuple(latent.shape)} and {tuple(side.shape)}"
            )
        before = torch.cat([self.start(side), latent[:, : C - C // self.slices]], 1)
        made = self.blocks(self.lift(before)).unflatten(1, (C, -1))
        joined = torch.cat([made, self.side(side).unflatten(1, (C, -1))], 2).flatten(1, 2)
        mean, scale, residual = self.predict(joined).unflatten(1, (C, 3)).unbind(2)
        return LatentPrediction(mean, LEAST_SCALE + F.softplus(scale), residual.tanh() / 2)
