r"""What the delta rule is fed with: queries, keys and values that have seen the last few samples.

    z = silu(conv(W x)) split into q, k, v and heads,   q = D^(-1/2) q / |q|,   k = k / |k|

Shapes: x (B, C, L) -> q, k (B, H, L, D), v (B, H, L, E). conv has 4 causal taps for each channel. The squares
of lengths are raised by 1e-6, so that an empty sample stays empty.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.sequence.heads import split_heads, wide
from circulant.operators.sequence.short_conv import TAPS, ShortConv

EPS = 1e-6


@final
@dataclass(frozen=True, slots=True)
class Heads:
    """Of one chunk, with the samples that the convolution needs for the next."""

    q: Tensor
    k: Tensor
    v: Tensor
    recent: Tensor | None


@final
@dataclass(frozen=True, slots=True)
class DeltaMemory:
    """What a mixer with the delta rule carries from chunk to chunk."""

    recent: Tensor  # (B, heads (2 D + E), taps - 1)
    matrix: Tensor  # (B, heads, D, E)


@final
class ConvolvedHeads(nn.Module):
    """One linear map and one convolution for all three."""

    def __init__(
        self,
        channels: int,
        heads: int,
        key_width: int,
        value_width: int,
        taps: int = TAPS,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, heads, key_width, value_width, taps) < 1:
            sizes = f"{channels}, {heads}, {key_width}, {value_width} and {taps}"
            raise ArgumentError(
                f"expected channels, heads, widths of keys and values, and taps of 1 or more, got {sizes}"
            )
        self.heads, self.key_width, self.value_width = heads, key_width, value_width
        total = heads * (2 * key_width + value_width)
        self.project = nn.Linear(channels, total, bias=False, device=device, dtype=dtype)
        self.conv = ShortConv(total, taps, silu=True, device=device, dtype=dtype)

    def forward(self, x: Tensor, recent: Tensor | None = None) -> Heads:
        projected = self.project(x.transpose(1, 2)).transpose(1, 2)
        if recent is None:
            filtered = self.conv(projected)
        else:
            filtered, recent = self.conv.step(projected, recent)
        keys = self.heads * self.key_width
        parts = filtered.transpose(1, 2).split([keys, keys, self.heads * self.value_width], dim=-1)
        q, k, v = (split_heads(part, self.heads) for part in parts)
        return Heads(_unit(q) * self.key_width**-0.5, _unit(k), v, recent)

    def initial_memory(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> DeltaMemory:
        matrix = torch.zeros(batch, self.heads, self.key_width, self.value_width, device=device, dtype=dtype)
        return DeltaMemory(self.conv.initial_state(batch, device=device, dtype=dtype), matrix)

    def cost(self, shape: Shape) -> Cost:
        B, _, L = shape
        return pointwise_cost(shape, self.conv.channels) + self.conv.cost((B, self.conv.channels, L))


def _unit(vectors: Tensor) -> Tensor:
    squares = wide(vectors).square().sum(-1, keepdim=True)
    return (vectors * torch.rsqrt(squares + EPS)).to(vectors.dtype)
