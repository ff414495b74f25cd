r"""Retention: linear attention with turned queries and keys, and one fixed decay for each head.

    y = W_o (norm(o) * silu(W_g x)),   o[t] = D^(-1/2) sum_{m <= t} lambda_h^(t - m) (q[t] . k[m]) v[m]
    q[t] = R(t) W_q x[t],   k[t] = R(t) W_k x[t],   v = W_v x,   lambda_h = 1 - 2^(-5 - h)

Shapes: x (B, C, L) -> y (B, C, L); W_q, W_k (C, C), W_v, W_g (value_channels, C), h = 0 .. heads - 1, norm
over each head by its root mean square. R(t) turns the pairs of a head's channels by t times
10000^(-i / pairs), so that a product depends on the distance t - m alone. value_channels is 2 C where it
is not given, as published.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import linear_attention_cost, pointwise_cost
from circulant.engine.linear_attention import linear_attention, linear_attention_state
from circulant.operators.sequence.gated_norm import GatedNorm
from circulant.operators.sequence.heads import heads_for, join_heads, require_heads, split_heads, wide
from circulant.operators.sequence.rotary import frequencies, rotate


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 1) -> Tensor:
    B, C, L = x.shape
    rows, pairs = x.transpose(1, 2), C // heads // 2
    q, k, v, opened = (
        (rows @ state[f"{name}.weight"].T).reshape(B, L, heads, -1)
        for name in ("query", "key", "value", "gate")
    )
    turns = [torch.tensor(10000.0 ** (-i / pairs)) for i in range(pairs)]
    results = []
    for t in range(L):
        total = torch.zeros_like(v[:, 0])
        for m in range(t + 1):
            score = torch.zeros_like(total[..., 0])
            for i, turn in enumerate(turns):
                a, b = q[:, t, :, 2 * i], q[:, t, :, 2 * i + 1]
                c, d = k[:, m, :, 2 * i], k[:, m, :, 2 * i + 1]
                angle = (t - m) * turn
                score = score + (a * c + b * d) * angle.cos() + (a * d - b * c) * angle.sin()
            fade = (1 - 2.0 ** (-5 - torch.arange(heads))) ** (t - m)
            total = total + (fade * score)[..., None] * v[:, m]
        results.append(total / (C // heads) ** 0.5)
    o = torch.stack(results, 1)
    o = o / ((o**2).mean(-1, keepdim=True) + 1e-5).sqrt() * state["norm.weight"]
    o = o * opened / (1 + torch.exp(-opened))
    return (o.reshape(B, L, -1) @ state["output.weight"].T).transpose(1, 2)


@final
@dataclass(frozen=True, slots=True)
class Retained:
    """The samples seen, and what is left of them (B, heads, D, E)."""

    seen: int
    memory: Tensor


@final
class RetentionMixer1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        heads: int = 8,
        *,
        value_channels: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        values = 2 * channels if value_channels is None else value_channels
        require_heads(channels, heads)
        require_heads(values, heads, "value_channels")
        if channels // heads % 2:
            raise ArgumentError(f"expected an even number of channels in each head, got {channels} / {heads}")
        self.channels, self.heads, self.value_channels = channels, heads, values

        def linear(inputs: int, outputs: int) -> nn.Linear:
            return nn.Linear(inputs, outputs, bias=False, device=device, dtype=dtype)

        self.query, self.key = linear(channels, channels), linear(channels, channels)
        self.value, self.gate = linear(channels, values), linear(channels, values)
        self.norm = GatedNorm(values // heads, device=device, dtype=dtype)
        self.output = linear(values, channels)

    def log_decay(self, like: Tensor) -> Tensor:
        """log lambda (heads,), where `like` lives."""
        head = torch.arange(self.heads, device=like.device, dtype=wide(like[:0]).dtype)
        return torch.log1p(-torch.exp2(-5 - head))

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._read(x, *self._written(x, 0), 0, None)

    def _written(self, x: Tensor, seen: int) -> tuple[Tensor, Tensor]:
        """k and v, (B, H, L, D or E)."""
        rows = x.transpose(1, 2)
        k, v = (split_heads(project(rows), self.heads) for project in (self.key, self.value))
        return self._turned(k, seen), v

    def _turned(self, per_head: Tensor, seen: int) -> Tensor:
        position = torch.arange(seen, seen + per_head.shape[2], device=per_head.device)
        return rotate(per_head, position[:, None] * frequencies(per_head.shape[3] // 2, per_head))

    def _read(self, x: Tensor, k: Tensor, v: Tensor, seen: int, memory: Tensor | None) -> Tensor:
        rows = x.transpose(1, 2)
        q, gate = (split_heads(project(rows), self.heads) for project in (self.query, self.gate))
        q = self._turned(q, seen) * q.shape[-1] ** -0.5
        read = linear_attention(q, k, v, self.log_decay(x), memory)
        return self.output(join_heads(self.norm(read, gate))).transpose(1, 2)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Retained:
        widths = (self.channels // self.heads, self.value_channels // self.heads)
        return Retained(0, torch.zeros(batch, self.heads, *widths, device=device, dtype=dtype))

    def step(self, x: Tensor, state: Retained) -> tuple[Tensor, Retained]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        k, v = self._written(x, state.seen)
        memory = linear_attention_state(k, v, self.log_decay(x), state.memory)
        y = self._read(x, k, v, state.seen, state.memory)
        return y, Retained(state.seen + x.shape[2], memory)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        values = self.value_channels
        maps = pointwise_cost(shape, C) * 2 + pointwise_cost(shape, values) * 2
        maps += pointwise_cost((B, values, L), C)
        return maps + linear_attention_cost(B, self.heads, L, C // self.heads, values // self.heads)

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}, value_channels={self.value_channels}"


def _mixer(channels: int, spatial: Shape) -> RetentionMixer1d:
    return RetentionMixer1d(channels, heads_for(channels))


CARD = Card(
    operators=(RetentionMixer1d,),
    reference=reference,
    papers=(
        Paper(
            "Wang, Zhu, Abreu, Shan, Kergan, Pan, Chou, Li, Zhang, Huang and Eshraghian",
            2025,
            "A Systematic Analysis of Hybrid Linear Attention",
            "https://arxiv.org/abs/2507.06457",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 4, 6), lambda: RetentionMixer1d(4, 2), {"heads": 2}),
        Case((1, 4, 7), lambda: RetentionMixer1d(4, 1, value_channels=3), {"heads": 1}),
        Case((2, 6, 1), lambda: RetentionMixer1d(6, 3), {"heads": 3}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: RetentionMixer1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: RetentionMixer1d(4, 4), says="even number of channels"),
        BadInput((2, 4, 6), lambda: RetentionMixer1d(4, 2, value_channels=3), says="value_channels = 3"),
    ),
    mixer=_mixer,
)
