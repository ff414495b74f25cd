r"""Linear attention with an additive recurrence: the memory is a softmax over the keys of all samples so far.

    y = W_o (norm(o) * silu(W_u W_d x)),   o[t] = S[t]^T silu(q[t])
    S[t] = diag(lambda[t]) S[t-1] + (1 - lambda[t]) v[t]^T,   lambda[t] = exp(z[t-1] - z[t])
    z[t] = log sum_{m <= t} exp(k[m]),   so that  1 - lambda[t] = exp(k[t] - z[t])

Shapes: x (B, C, L) -> y (B, C, L); W_q, W_k (heads * key_width, C), W_v, W_o (C, C), W_u W_d of rank
gate_rank, S (B, heads, key_width, C / heads), norm over all heads by the root mean square. A sample's
share in the memory is e^k over a sum that only grows: time alone makes nothing fade. The state for
streaming is z and S. `LightNetMixer1d` reads all samples at once.
"""

from dataclasses import dataclass
from math import inf
from typing import final

import torch
import torch.nn.functional as F
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
from circulant.problems.linear_attention import Decay


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 1) -> Tensor:
    B, C, L = x.shape
    rows = x.transpose(1, 2)
    q, k, v = (
        (rows @ state[f"{name}.weight"].T).reshape(B, L, heads, -1) for name in ("query", "key", "value")
    )
    q = q / (1 + torch.exp(-q))
    results = []
    for t in range(L):
        share = torch.exp(k[:, : t + 1]) / torch.exp(k[:, : t + 1]).sum(1, keepdim=True)
        memory = torch.einsum("bmhd,bmhe->bhde", share, v[:, : t + 1])
        results.append((memory * q[:, t, :, :, None]).sum(2).reshape(B, C))
    o = torch.stack(results, 1)
    gate = rows @ state["gate_down.weight"].T @ state["gate_up.weight"].T
    o = o / ((o**2).mean(-1, keepdim=True) + 1e-5).sqrt() * state["norm.weight"]
    return (o * gate / (1 + torch.exp(-gate)) @ state["output.weight"].T).transpose(1, 2)


@final
@dataclass(frozen=True, slots=True)
class SoftmaxSoFar:
    """log sum exp of the keys (B, heads, 1, D), and the mean of values that they weigh (B, heads, D, E)."""

    z: Tensor
    memory: Tensor


@final
class CausalLightNetMixer1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        heads: int = 1,
        *,
        key_width: int = 128,
        gate_rank: int = 128,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_heads(channels, heads)
        if min(key_width, gate_rank) < 1:
            raise ArgumentError(
                f"expected key_width and gate_rank of 1 or more, got {key_width}, {gate_rank}"
            )
        self.channels, self.heads, self.key_width, self.gate_rank = channels, heads, key_width, gate_rank

        def linear(inputs: int, outputs: int) -> nn.Linear:
            return nn.Linear(inputs, outputs, bias=False, device=device, dtype=dtype)

        self.query, self.key = (linear(channels, heads * key_width) for _ in range(2))
        self.value, self.output = (linear(channels, channels) for _ in range(2))
        self.gate_down, self.gate_up = linear(channels, gate_rank), linear(gate_rank, channels)
        self.norm = GatedNorm(channels, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        k, v = self._heads_of(x)
        z = torch.logcumsumexp(k, dim=2)
        before = torch.cat([z[:, :, :1], z[:, :, :-1]], 2)  # there is nothing yet to fade at the first step
        return self._read(x, torch.exp(k - z), v, before - z, None)

    def _heads_of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        rows = x.transpose(1, 2)
        return split_heads(wide(self.key(rows)), self.heads), split_heads(self.value(rows), self.heads)

    def _read(self, x: Tensor, share: Tensor, v: Tensor, log_decay: Tensor, memory: Tensor | None) -> Tensor:
        rows = x.transpose(1, 2)
        q = split_heads(F.silu(self.query(rows)), self.heads)
        read = linear_attention(q, share.to(v.dtype), v, log_decay, memory)
        return self.output(self.norm(join_heads(read), self.gate_up(self.gate_down(rows)))).transpose(1, 2)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> SoftmaxSoFar:
        rows = (batch, self.heads)
        widths = (self.key_width, self.channels // self.heads)
        nothing = torch.full((*rows, 1, self.key_width), -inf, device=device, dtype=dtype)
        return SoftmaxSoFar(nothing, torch.zeros(*rows, *widths, device=device, dtype=dtype))

    def step(self, x: Tensor, state: SoftmaxSoFar) -> tuple[Tensor, SoftmaxSoFar]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        k, v = self._heads_of(x)
        before = state.z.to(k.dtype)
        z = torch.logaddexp(before, torch.logcumsumexp(k, dim=2))
        log_decay = torch.cat([before, z[:, :, :-1]], 2) - z
        share = torch.exp(k - z)
        y = self._read(x, share, v, log_decay, state.memory)
        memory = linear_attention_state(share.to(v.dtype), v, log_decay, state.memory)
        return y, SoftmaxSoFar(z[:, :, -1:].to(state.z.dtype), memory)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        maps = pointwise_cost(shape, self.heads * self.key_width) * 2 + pointwise_cost(shape, C) * 2
        maps += pointwise_cost(shape, self.gate_rank) + pointwise_cost((B, self.gate_rank, L), C)
        return maps + linear_attention_cost(B, self.heads, L, self.key_width, C // self.heads, Decay.KEY)

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}, key_width={self.key_width}, gate_rank={self.gate_rank}"


def _mixer(channels: int, spatial: Shape) -> CausalLightNetMixer1d:
    heads = heads_for(channels)
    width = channels // heads
    return CausalLightNetMixer1d(channels, heads, key_width=width, gate_rank=width)


CARD = Card(
    operators=(CausalLightNetMixer1d,),
    reference=reference,
    papers=(
        Paper(
            "Qin, Mao, Shen, Li, Zhang, Dai and Zhong",
            2024,
            "You Only Scan Once: Efficient Multi-dimension Sequential Modeling with LightNet",
            "https://arxiv.org/abs/2405.21022",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 4, 6), lambda: CausalLightNetMixer1d(4, 2, key_width=3, gate_rank=2), {"heads": 2}),
        Case((1, 3, 7), lambda: CausalLightNetMixer1d(3, 1, key_width=2, gate_rank=3), {"heads": 1}),
        Case((2, 6, 1), lambda: CausalLightNetMixer1d(6, 3, key_width=1, gate_rank=2), {"heads": 3}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: CausalLightNetMixer1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: CausalLightNetMixer1d(4, 3), says="divisor of channels = 4"),
        BadInput((2, 4, 6), lambda: CausalLightNetMixer1d(4, 2, key_width=0), says="key_width and gate_rank"),
    ),
    mixer=_mixer,
)
