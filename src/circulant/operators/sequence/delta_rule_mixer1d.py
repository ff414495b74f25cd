r"""Linear attention that corrects its memory: a sample replaces what was held for its key, and adds no more.

    y = W_o norm(o),   o[t] = S[t]^T q[t],   S[t] = S[t-1] + beta[t] k[t] (v[t] - S[t-1]^T k[t])^T
    beta = sigmoid(W_b x),   q, k, v from `ConvolvedHeads`: convolved, silu, q and k of unit length

Shapes: x (B, C, L) -> y (B, C, L); S (B, heads, C / heads, C / heads), norm over each head by its root mean
square. S[t] is (I - beta k k^T) S[t-1] + beta k v^T, a product of Householder-like matrices that the engine
computes in chunks. With beta = 1 a key that comes again loses its old value entirely.
gate=True multiplies what is normed by silu(W_g x).
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import delta_rule_cost, pointwise_cost
from circulant.engine.delta_rule import delta_rule, delta_rule_state
from circulant.operators.sequence.convolved_heads import ConvolvedHeads, DeltaMemory, Heads
from circulant.operators.sequence.gated_norm import GatedNorm
from circulant.operators.sequence.heads import heads_for, join_heads, require_heads, split_heads


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 1, gate: bool = False) -> Tensor:
    B, C, L = x.shape
    rows = x.transpose(1, 2)
    projected = rows @ state["heads_of.project.weight"].T
    taps = state["heads_of.conv.weight"]
    filtered = torch.zeros_like(projected)
    for l in range(L):
        for m in range(min(l + 1, taps.shape[2])):
            filtered[:, l] += taps[:, 0, taps.shape[2] - 1 - m] * projected[:, l - m]
    filtered = filtered / (1 + torch.exp(-filtered))
    q, k, v = (part.reshape(B, L, heads, -1) for part in filtered.chunk(3, -1))
    q, k = (part / ((part**2).sum(-1, keepdim=True) + 1e-6).sqrt() for part in (q, k))
    q = q / (C // heads) ** 0.5
    beta = 1 / (1 + torch.exp(-rows @ state["strength.weight"].T))
    memory, results = torch.zeros(B, heads, C // heads, C // heads, dtype=x.dtype), []
    for t in range(L):
        held = (memory * k[:, t, :, :, None]).sum(2)
        correction = beta[:, t, :, None] * (v[:, t] - held)
        memory = memory + k[:, t, :, :, None] * correction[:, :, None]
        results.append((memory * q[:, t, :, :, None]).sum(2))
    o = torch.stack(results, 1)
    o = o / ((o**2).mean(-1, keepdim=True) + 1e-5).sqrt() * state["norm.weight"]
    if gate:
        opened = (rows @ state["gate.weight"].T).reshape(o.shape)
        o = o * opened / (1 + torch.exp(-opened))
    return (o.reshape(B, L, C) @ state["output.weight"].T).transpose(1, 2)


@final
class DeltaRuleMixer1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        heads: int = 4,
        *,
        gate: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_heads(channels, heads)
        self.channels, self.heads = channels, heads
        width = channels // heads
        self.heads_of = ConvolvedHeads(channels, heads, width, width, device=device, dtype=dtype)

        def linear(outputs: int) -> nn.Linear:
            return nn.Linear(channels, outputs, bias=False, device=device, dtype=dtype)

        self.strength = linear(heads)
        self.gate = linear(channels) if gate else None
        self.norm = GatedNorm(width, device=device, dtype=dtype)
        self.output = linear(channels)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._read(x, self.heads_of(x), None)

    def _strength(self, x: Tensor) -> Tensor:
        """beta (B, H, L)."""
        return torch.sigmoid(self.strength(x.transpose(1, 2))).transpose(1, 2)

    def _read(self, x: Tensor, heads: Heads, matrix: Tensor | None) -> Tensor:
        read = delta_rule(heads.q, heads.k, heads.v, self._strength(x), initial_state=matrix)
        gate = None if self.gate is None else split_heads(self.gate(x.transpose(1, 2)), self.heads)
        return self.output(join_heads(self.norm(read, gate))).transpose(1, 2)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> DeltaMemory:
        return self.heads_of.initial_memory(batch, device=device, dtype=dtype)

    def step(self, x: Tensor, state: DeltaMemory) -> tuple[Tensor, DeltaMemory]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        heads = self.heads_of(x, state.recent)
        matrix = delta_rule_state(heads.k, heads.v, self._strength(x), initial_state=state.matrix)
        return self._read(x, heads, state.matrix), DeltaMemory(heads.recent, matrix)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        width = C // self.heads
        maps = pointwise_cost(shape, self.heads) + pointwise_cost(shape, C) * (1 if self.gate is None else 2)
        return self.heads_of.cost(shape) + maps + delta_rule_cost(B, self.heads, L, width, width)

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}, gate={self.gate is not None}"


def _mixer(channels: int, spatial: Shape) -> DeltaRuleMixer1d:
    return DeltaRuleMixer1d(channels, heads_for(channels))


CARD = Card(
    operators=(DeltaRuleMixer1d,),
    reference=reference,
    papers=(
        Paper(
            "Yang, Wang, Zhang, Shen and Kim",
            2024,
            "Parallelizing Linear Transformers with the Delta Rule over Sequence Length",
            "https://arxiv.org/abs/2406.06484",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 4, 6), lambda: DeltaRuleMixer1d(4, 2), {"heads": 2}),
        Case((1, 3, 7), lambda: DeltaRuleMixer1d(3, 1, gate=True), {"heads": 1, "gate": True}),
        Case((2, 8, 5), lambda: DeltaRuleMixer1d(8, 2), {"heads": 2}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: DeltaRuleMixer1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: DeltaRuleMixer1d(4, 3), says="divisor of channels = 4"),
    ),
    mixer=_mixer,
)
