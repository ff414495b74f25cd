r"""Causal linear attention whose memory fades at one fixed rate per head.

    y = W_o o,   o[b, h, l] = sum_{m <= l} lambda_h^(l - m) (q[b, h, l] . k[b, h, m]) v[b, h, m]
    q = W_q x, k = W_k x, v = W_v x split into heads,   lambda_h = exp(-s_h)

Shapes: x (B, C, L) -> y (B, C, L); four linear maps (C, C). There is no softmax, no scaling by the
width of a head and no normaliser: what grows with a long memory is left to the norm that follows.
The slopes s_h are those of ALiBi, 2^(-8 h / heads) for h = 1 .. heads where heads is a power of two;
decay=False sets them to 0, so that every sample is remembered alike. The length is free: the work is
linear in it and the state for streaming, (B, heads, C / heads, C / heads), does not grow.
"""

from math import log2
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

HEAD_CHANNELS = 16  # of the mixer; narrower heads hold too little and make small matrix products


def alibi_slopes(heads: int) -> list[float]:
    """2^(-8 h / heads); between two powers of two, the lower's and then every other one of the upper's."""
    lower = 2 ** int(log2(heads))
    slopes = [2 ** (-8 * h / lower) for h in range(1, lower + 1)]
    return slopes + [2 ** (-8 * h / (2 * lower)) for h in range(1, 2 * lower, 2)][: heads - lower]


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 1) -> Tensor:
    B, C, L = x.shape

    def projected(name: str, values: Tensor) -> Tensor:
        return values @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0)

    q, k, v = (projected(name, x.transpose(1, 2)) for name in ("query", "key", "value"))
    memory = torch.zeros(B, heads, C // heads, C // heads, dtype=x.dtype)
    rows = []
    for l in range(L):
        q_l, k_l, v_l = (values[:, l].reshape(B, heads, -1) for values in (q, k, v))
        memory = torch.exp(-state["slope"])[:, None, None] * memory + k_l[..., None] * v_l[..., None, :]
        rows.append((q_l[..., None] * memory).sum(2).reshape(B, C))
    return projected("output", torch.stack(rows, 1)).transpose(1, 2)


@final
class LinearAttention1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        heads: int = 8,
        *,
        decay: bool = True,
        bias: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ArgumentError(f"expected heads as a divisor of channels = {channels}, got {heads}")
        self.channels, self.heads, self.decay = channels, heads, decay
        slopes = alibi_slopes(heads) if decay else [0.0] * heads
        self.slope: Tensor
        self.register_buffer("slope", torch.tensor(slopes, device=device, dtype=dtype), persistent=False)
        self.query = nn.Linear(channels, channels, bias, device=device, dtype=dtype)
        self.key = nn.Linear(channels, channels, bias, device=device, dtype=dtype)
        self.value = nn.Linear(channels, channels, bias, device=device, dtype=dtype)
        self.output = nn.Linear(channels, channels, bias, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._attend(*self._heads_of(x), state=None)

    def _heads_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """q, k, v (B, heads, L, C / heads) of x (B, C, L)."""
        tokens = x.transpose(1, 2)
        q, k, v = (
            project(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        return q, k, v

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, state: Tensor | None) -> Tensor:
        attended = linear_attention(q, k, v, self._log_decay(), state)
        return self.output(attended.transpose(1, 2).flatten(2)).transpose(1, 2)

    def _log_decay(self) -> Tensor | None:
        return -self.slope if self.decay else None

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        width = self.channels // self.heads
        return torch.zeros(batch, self.heads, width, width, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        q, k, v = self._heads_of(x)
        return self._attend(q, k, v, state), linear_attention_state(k, v, self._log_decay(), state)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        width = C // self.heads
        return pointwise_cost(shape, C) * 4 + linear_attention_cost(B, self.heads, L, width, width)

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}, decay={self.decay}"


def _mixer(channels: int, spatial: Shape) -> LinearAttention1d:
    heads = channels // HEAD_CHANNELS if channels % HEAD_CHANNELS == 0 else 1
    return LinearAttention1d(channels, heads)


CARD = Card(
    operators=(LinearAttention1d,),
    reference=reference,
    papers=(
        Paper(
            "Qin, Sun, Li, Shen, Sun and Zhong",
            2024,
            "Lightning Attention-2: A Free Lunch for Handling Unlimited Sequence Lengths "
            "in Large Language Models",
            "https://arxiv.org/abs/2401.04658",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 4, 6), lambda: LinearAttention1d(4, 2), {"heads": 2}),
        Case((1, 6, 5), lambda: LinearAttention1d(6, 3, bias=True), {"heads": 3}),
        Case((2, 3, 7), lambda: LinearAttention1d(3, 1, decay=False), {"heads": 1}),
        Case((1, 2, 69), lambda: LinearAttention1d(2, 2), {"heads": 2}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: LinearAttention1d(4, 2), says="C = 4"),
        BadInput((4, 6), lambda: LinearAttention1d(4, 2), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
