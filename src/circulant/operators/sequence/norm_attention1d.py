r"""Linear attention with a norm in place of the denominator, whose gradients cannot explode.

    y = W_o norm(a) + b_o,   a[t] = sum_m (q[t] . k[m]) v[m]   over m <= t, over all m if bidirectional=True
    q = 1 + elu(W_q x + b_q),   k = 1 + elu(W_k x + b_k),   v = W_v x + b_v   split into heads

Shapes: x (B, C, L) -> y (B, C, L); four linear maps (C, C), norm over all heads by the root mean square.
Where scores are divided by their sum, the gradient grows without bound as the sum goes to 0; a norm of
the sum of products keeps the direction alone. gate=True multiplies what is normed by silu(W_g x), as in
the first author's later code.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import linear_attention_cost, pointwise_cost
from circulant.engine.linear_attention import linear_attention, linear_attention_state
from circulant.operators.sequence.gated_norm import GatedNorm
from circulant.operators.sequence.heads import heads_for, join_heads, require_heads, split_heads, wide
from circulant.problems.linear_attention import Decay


def reference(
    x: Tensor, state: dict[str, Tensor], heads: int = 1, bidirectional: bool = False, gate: bool = False
) -> Tensor:
    B, C, L = x.shape
    rows = x.transpose(1, 2)

    def projected(name: str, values: Tensor) -> Tensor:
        return values @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0)

    q, k, v = (projected(name, rows).reshape(B, L, heads, -1) for name in ("query", "key", "value"))
    q, k = (torch.where(t > 0, 1 + t, torch.exp(t.clamp(max=0))) for t in (q, k))
    results = []
    for t in range(L):
        total = torch.zeros_like(v[:, 0])
        for m in range(L if bidirectional else t + 1):
            total = total + (q[:, t] * k[:, m]).sum(-1, keepdim=True) * v[:, m]
        results.append(total.reshape(B, C))
    a = torch.stack(results, 1)
    a = a / ((a**2).mean(-1, keepdim=True) + 1e-5).sqrt() * state["norm.weight"]
    if gate:
        opened = rows @ state["gate.weight"].T
        a = a * opened / (1 + torch.exp(-opened))
    return projected("output", a).transpose(1, 2)


@final
class NormAttention1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        heads: int = 4,
        *,
        bidirectional: bool = False,
        gate: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_heads(channels, heads)
        self.channels, self.heads, self.bidirectional = channels, heads, bidirectional
        self.query = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.key = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.value = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.output = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.gate = nn.Linear(channels, channels, bias=False, device=device, dtype=dtype) if gate else None
        self.norm = GatedNorm(channels, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        q, k, v = self._heads_of(x)
        if self.bidirectional:
            return self._normed(x, q @ (k.mT @ v))
        return self._normed(x, linear_attention(q, k, v))

    def _heads_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = x.transpose(1, 2)
        q, k, v = (wide(project(rows)) for project in (self.query, self.key, self.value))
        # before the heads are split: compiled code mistakes the layout of elu's gradient for another
        q, k, v = (split_heads(t, self.heads) for t in (1 + F.elu(q), 1 + F.elu(k), v))
        return q, k, v

    def _normed(self, x: Tensor, attended: Tensor) -> Tensor:
        gate = None if self.gate is None else self.gate(x.transpose(1, 2))
        return self.output(self.norm(join_heads(attended), gate)).transpose(1, 2)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        if self.bidirectional:
            raise ArgumentError(
                "expected a causal NormAttention1d to stream, got bidirectional=True; leave it out"
            )
        width = self.channels // self.heads
        return torch.zeros(batch, self.heads, width, width, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        q, k, v = self._heads_of(x)
        y = self._normed(x, linear_attention(q, k, v, initial_state=state))
        return y, linear_attention_state(k, v, initial_state=state)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        width = C // self.heads
        maps = pointwise_cost(shape, C) * (4 if self.gate is None else 5)
        if self.bidirectional:
            mixing = matmul_cost(width, L, width) + matmul_cost(L, width, width)
            return maps + mixing * (B * self.heads)
        return maps + linear_attention_cost(B, self.heads, L, width, width, Decay.NONE)

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}, bidirectional={self.bidirectional}"


def _mixer(channels: int, spatial: Shape) -> NormAttention1d:
    return NormAttention1d(channels, heads_for(channels))


CARD = Card(
    operators=(NormAttention1d,),
    reference=reference,
    papers=(
        Paper(
            "Qin, Han, Sun, Li, Kong, Barnes and Zhong",
            2022,
            "The Devil in Linear Transformer",
            "https://arxiv.org/abs/2210.10340",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 4, 6), lambda: NormAttention1d(4, 2), {"heads": 2}),
        Case((1, 3, 7), lambda: NormAttention1d(3, 1, gate=True), {"heads": 1, "gate": True}),
        Case((2, 6, 1), lambda: NormAttention1d(6, 3), {"heads": 3}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: NormAttention1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: NormAttention1d(4, 3), says="divisor of channels = 4"),
    ),
    mixer=_mixer,
)
