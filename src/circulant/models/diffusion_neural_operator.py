"""A diffusion model that answers with the whole trajectory: all times at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import log
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.operators.spectral.temporal_spectral_conv1d import TemporalSpectralConv1d

GROUP_CHANNELS, GROUPS = 4, 32  # of the norms: at least so many channels each, at most so many groups
PERIODS = 10_000.0  # ratio of the longest to the shortest in the embedding of times
TIME_SCALE = 1000.0  # times from 0 to 1 are embedded as steps of the usual discrete diffusion


def trajectory_times(count: int, *, quadratic: bool = False) -> Tensor:
    """Times at which a trajectory from t = 1 down to t = 0 is asked for -> (count,), the last one 0.

    Uniform, or quadratic: the square roots of the times are uniform, so that they crowd at the end.
    """
    if count < 1:
        raise ArgumentError(f"expected a count of 1 or more, got {count}")
    uniform = torch.arange(count - 1, -1, -1, dtype=torch.float64) / count
    return (uniform**2 if quadratic else uniform).float()


@final
class DiffusionNeuralOperator(nn.Module):
    """A U-Net over frames, one for each time, whose frames meet in temporal spectral convolutions only.

    Noise is copied to every time; each block knows its own time by an embedding that scales and shifts its
    second norm. A `TemporalSpectralConv1d` follows every residual (and attention) block but the last of the
    middle, as published; all else works on all frames in parallel. Trained to map x(1), by any loss, to the
    states x(t) of the probability flow at `times`, of which the last is the sample. It starts as zero.
    Unlike the authors' network it embeds times directly, not by signal-to-noise ratios, and changes the grid
    by pooling and repetition.
    Shapes: x (B, C, H, W) -> states (B, C, T, H, W).
    """

    times: Tensor

    def __init__(
        self,
        channels: int,
        times: Tensor,
        *,
        width: int = 32,
        multipliers: Sequence[int] = (1, 1),
        depth: int = 1,
        modes: int = 2,
        attention_levels: Collection[int] = (),
        kernel_size: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _require_room(times, modes)
        self.register_buffer("times", times)
        self.width, self.depth, self.levels = width, depth, len(multipliers)
        embedding, sizes = 4 * width, _Sizes(4 * width, modes, kernel_size, dropout)
        self.embed = nn.Sequential(nn.Linear(width, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.stem = nn.Conv2d(channels, width, kernel_size, padding=kernel_size // 2)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        levels = [(width * factor, level in attention_levels) for level, factor in enumerate(multipliers)]
        now, skips = width, [width]
        for level, (after, attends) in enumerate(levels):
            for _ in range(depth):
                self.down.append(_Stage(now, after, attends, sizes))
                now = after
                skips.append(now)
            if level < self.levels - 1:
                skips.append(now)
        self.middle = _Stage(now, now, True, sizes)
        self.after_middle = _ResidualBlock(now, now, sizes)
        for after, attends in reversed(levels):
            for _ in range(depth + 1):
                self.up.append(_Stage(now + skips.pop(), after, attends, sizes))
                now = after
        self.norm = _norm(now)
        self.head = nn.Conv2d(now, channels, kernel_size, padding=kernel_size // 2)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        self._require_grid(x)
        B, T = len(x), len(self.times)
        embedding = self.embed(embedded_times(self.times, self.width)).repeat(B, 1)  # (B T, E)
        frames = self.stem(x).repeat_interleave(T, 0)
        skips = [frames]
        for level in range(self.levels):
            for stage in self.down[level * self.depth : (level + 1) * self.depth]:
                frames = stage(frames, embedding, T)
                skips.append(frames)
            if level < self.levels - 1:
                frames = F.avg_pool2d(frames, 2)
                skips.append(frames)
        frames = self.after_middle(self.middle(frames, embedding, T), embedding)
        for level in range(self.levels):
            for stage in self.up[level * (self.depth + 1) : (level + 1) * (self.depth + 1)]:
                frames = stage(torch.cat([frames, skips.pop()], 1), embedding, T)
            if level < self.levels - 1:
                frames = F.interpolate(frames, scale_factor=2.0)
        states = self.head(F.silu(self.norm(frames)))
        return states.unflatten(0, (B, T)).transpose(1, 2)

    def _require_grid(self, x: Tensor) -> None:
        least = 1 << (self.levels - 1)
        if x.ndim != 4 or x.shape[-2] % least or x.shape[-1] % least:
            raise ShapeError(
                f"expected x (B, C, H, W) with H and W multiples of {least}, got {tuple(x.shape)}; pad it"
            )


def _require_room(times: Tensor, modes: int) -> None:
    if times.ndim != 1 or 2 * modes - 2 > len(times):
        raise ArgumentError(
            f"expected times (T,) with room for {modes} modes, T = {2 * modes - 2} or more, "
            f"got {tuple(times.shape)}"
        )


def embedded_times(times: Tensor, width: int) -> Tensor:
    """Sines and then cosines of times (T,), with periods in a geometric row -> (T, width)."""
    half = width // 2
    rates = torch.exp(-log(PERIODS) / max(half - 1, 1) * torch.arange(half, device=times.device))
    angle = TIME_SCALE * times[:, None] * rates.to(times.dtype)
    return F.pad(torch.cat([angle.sin(), angle.cos()], 1), (0, width % 2))


@final
@dataclass(frozen=True, slots=True)
class _Sizes:
    """What all blocks of a network share."""

    embedding: int
    modes: int
    kernel: int
    dropout: float


@final
class _Stage(nn.Module):
    """A residual block, attention if any, and a meeting of the times."""

    def __init__(self, in_channels: int, out_channels: int, attends: bool, sizes: _Sizes) -> None:
        super().__init__()
        self.block = _ResidualBlock(in_channels, out_channels, sizes)
        self.attention = _SelfAttention(out_channels) if attends else None
        self.along_time = TemporalSpectralConv1d(out_channels, sizes.modes)

    def forward(self, x: Tensor, embedding: Tensor, times: int) -> Tensor:
        x = self.block(x, embedding)
        if self.attention is not None:
            x = self.attention(x)
        clips = x.unflatten(0, (-1, times)).transpose(1, 2)
        return self.along_time(clips).transpose(1, 2).flatten(0, 1)


@final
class _ResidualBlock(nn.Module):
    """Norm, SiLU, convolution, twice; the time scales and shifts the second norm."""

    def __init__(self, in_channels: int, out_channels: int, sizes: _Sizes) -> None:
        super().__init__()
        K = sizes.kernel
        self.norm, self.second_norm = _norm(in_channels), _norm(out_channels)
        self.conv = nn.Conv2d(in_channels, out_channels, K, padding=K // 2)
        self.modulate = nn.Linear(sizes.embedding, 2 * out_channels)
        self.dropout = nn.Dropout(sizes.dropout)
        self.second_conv = nn.Conv2d(out_channels, out_channels, K, padding=K // 2)
        nn.init.zeros_(self.second_conv.weight)
        self.shortcut = (
            nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)
        )

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        hidden = self.conv(F.silu(self.norm(x)))
        scale, shift = self.modulate(F.silu(embedding))[..., None, None].chunk(2, 1)
        hidden = F.silu(self.second_norm(hidden) * (1 + scale) + shift)
        return self.shortcut(x) + self.second_conv(self.dropout(hidden))


@final
class _SelfAttention(nn.Module):
    """x plus one head of attention over the positions of each frame; it starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.project = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)
        nn.init.zeros_(self.output.weight)

    def forward(self, x: Tensor) -> Tensor:
        positions = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = self.project(positions).chunk(3, -1)
        attended = self.output(F.scaled_dot_product_attention(q, k, v))
        return x + attended.transpose(1, 2).unflatten(2, x.shape[2:])


def _norm(channels: int) -> nn.GroupNorm:
    groups = max(1, min(channels // GROUP_CHANNELS, GROUPS))
    while channels % groups:
        groups -= 1
    return nn.GroupNorm(groups, channels, eps=1e-6)
