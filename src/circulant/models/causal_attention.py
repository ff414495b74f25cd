"""Softmax attention to all that came before: what linear mixers are compared with and mixed with."""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.operators.sequence.heads import join_heads, require_heads, split_heads
from circulant.operators.sequence.rotary import frequencies, rotate


@final
@dataclass(frozen=True, slots=True)
class KeyValueCache:
    """Keys and values (B, H, m, D) of all m samples seen: it grows with every one."""

    keys: Tensor
    values: Tensor


@final
class CausalAttention(nn.Module):
    """torch's attention with rotary positions.  Shapes: x (B, C, L) -> y (B, C, L)."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        require_heads(channels, heads)
        if channels // heads % 2:
            raise ArgumentError(f"expected an even number of channels in each head, got {channels} / {heads}")
        self.channels, self.heads = channels, heads
        self.query, self.key, self.value, self.output = (
            nn.Linear(channels, channels, bias=False) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._heads_of(x, 0)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.output(join_heads(attended)).transpose(1, 2)

    def _heads_of(self, x: Tensor, seen: int) -> tuple[Tensor, Tensor, Tensor]:
        rows = x.transpose(1, 2)
        q, k, v = (split_heads(project(rows), self.heads) for project in (self.query, self.key, self.value))
        position = torch.arange(seen, seen + rows.shape[1], device=x.device)[:, None]
        angle = position * frequencies(q.shape[-1] // 2, q)
        return rotate(q, angle), rotate(k, angle), v

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> KeyValueCache:
        nothing = torch.zeros(batch, self.heads, 0, self.channels // self.heads, device=device, dtype=dtype)
        return KeyValueCache(nothing, nothing)

    def step(self, x: Tensor, state: KeyValueCache) -> tuple[Tensor, KeyValueCache]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        seen, n = state.keys.shape[2], x.shape[2]
        q, k, v = self._heads_of(x, seen)
        keys, values = torch.cat([state.keys, k], 2), torch.cat([state.values, v], 2)
        visible = torch.ones(n, seen + n, dtype=torch.bool, device=x.device).tril(seen)
        attended = F.scaled_dot_product_attention(q, keys, values, attn_mask=visible)
        return self.output(join_heads(attended)).transpose(1, 2), KeyValueCache(keys, values)
