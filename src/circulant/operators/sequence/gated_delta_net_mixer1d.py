r"""The delta rule with a memory that also fades: what is not corrected can be forgotten.

    y = W_o (norm(o) * silu(W_g x)),   o[t] = S[t]^T q[t]
    S[t] = a[t] S[t-1] + b[t] k[t] (v[t] - a[t] S[t-1]^T k[t])^T
    a = exp(-exp(A) softplus(W_a x + delta)),   b = sigmoid(W_b x),   q, k, v from `ConvolvedHeads`

Shapes: x (B, C, L) -> y (B, C, L); A and delta (heads), S (B, heads, key_width, value_width), norm over each
head by its root mean square. a = 1 is `DeltaRuleMixer1d` with a gate; b = 0 writes nothing and only fades.
Published sizes: key_width such that heads * key_width is three quarters of C (the default), value_width
twice key_width.
"""

from math import log
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import delta_rule_cost, pointwise_cost
from circulant.engine.delta_rule import delta_rule, delta_rule_state
from circulant.operators.sequence.convolved_heads import ConvolvedHeads, DeltaMemory, Heads
from circulant.operators.sequence.gated_norm import GatedNorm
from circulant.operators.sequence.heads import heads_for, join_heads, split_heads, wide
from circulant.problems.linear_attention import Decay

FASTEST = 16.0  # exp(A) starts anywhere between 0 and this
FIRST_STEP = (1e-3, 1e-1)  # softplus(delta) starts between these, evenly on a logarithmic scale


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 1, key_width: int = 1) -> Tensor:
    B, _, L = x.shape
    rows = x.transpose(1, 2)
    projected = rows @ state["heads_of.project.weight"].T
    taps = state["heads_of.conv.weight"]
    filtered = torch.zeros_like(projected)
    for l in range(L):
        for m in range(min(l + 1, taps.shape[2])):
            filtered[:, l] += taps[:, 0, taps.shape[2] - 1 - m] * projected[:, l - m]
    filtered = filtered / (1 + torch.exp(-filtered))
    keys = heads * key_width
    q, k, v = (
        part.reshape(B, L, heads, -1)
        for part in (filtered[..., :keys], filtered[..., keys : 2 * keys], filtered[..., 2 * keys :])
    )
    q, k = (part / ((part**2).sum(-1, keepdim=True) + 1e-6).sqrt() for part in (q, k))
    b = 1 / (1 + torch.exp(-rows @ state["strength.weight"].T))
    step = torch.log(1 + torch.exp(rows @ state["fade.weight"].T + state["step_bias"]))
    a = torch.exp(-torch.exp(state["log_rate"]) * step)
    memory, results = torch.zeros(B, heads, key_width, v.shape[3], dtype=x.dtype), []
    for t in range(L):
        memory = a[:, t, :, None, None] * memory
        held = (memory * k[:, t, :, :, None]).sum(2)
        correction = b[:, t, :, None] * (v[:, t] - held)
        memory = memory + k[:, t, :, :, None] * correction[:, :, None]
        results.append((memory * q[:, t, :, :, None]).sum(2) / key_width**0.5)
    o = torch.stack(results, 1)
    gate = (rows @ state["gate.weight"].T).reshape(o.shape)
    o = o / ((o**2).mean(-1, keepdim=True) + 1e-5).sqrt() * state["norm.weight"]
    o = o * gate / (1 + torch.exp(-gate))
    return (o.reshape(B, L, -1) @ state["output.weight"].T).transpose(1, 2)


@final
class GatedDeltaNetMixer1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        heads: int = 4,
        *,
        key_width: int | None = None,
        value_width: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.heads = channels, heads
        self.key_width = max(3 * channels // (4 * max(heads, 1)), 1) if key_width is None else key_width
        self.value_width = 2 * self.key_width if value_width is None else value_width
        self.heads_of = ConvolvedHeads(
            channels, heads, self.key_width, self.value_width, device=device, dtype=dtype
        )

        def linear(inputs: int, outputs: int) -> nn.Linear:
            return nn.Linear(inputs, outputs, bias=False, device=device, dtype=dtype)

        values = heads * self.value_width
        self.strength, self.fade = linear(channels, heads), linear(channels, heads)
        self.log_rate = nn.Parameter(torch.empty(heads, device=device, dtype=dtype))
        self.step_bias = nn.Parameter(torch.empty(heads, device=device, dtype=dtype))
        self.gate, self.output = linear(channels, values), linear(values, channels)
        self.norm = GatedNorm(self.value_width, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Rates and steps as those of selective state space models start; linear maps as torch's."""
        with torch.no_grad():
            self.log_rate.uniform_(0, FASTEST).clamp_(min=1e-4).log_()
            step = self.step_bias.uniform_(log(FIRST_STEP[0]), log(FIRST_STEP[1])).exp_()
            step.copy_(torch.log(torch.expm1(step)))  # softplus gives it back

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._read(x, self.heads_of(x), None)

    def _gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """b and log a (B, H, L)."""
        rows = x.transpose(1, 2)
        step = (wide(self.fade(rows)) + wide(self.step_bias)).transpose(1, 2)
        # contiguous: compiled code mistakes the layout of softplus's gradient for another
        log_decay = -torch.exp(wide(self.log_rate))[:, None] * F.softplus(step.contiguous())
        return torch.sigmoid(self.strength(rows)).transpose(1, 2), log_decay

    def _read(self, x: Tensor, heads: Heads, matrix: Tensor | None) -> Tensor:
        read = delta_rule(heads.q, heads.k, heads.v, *self._gates(x), matrix)
        gate = split_heads(self.gate(x.transpose(1, 2)), self.heads)
        return self.output(join_heads(self.norm(read, gate))).transpose(1, 2)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> DeltaMemory:
        return self.heads_of.initial_memory(batch, device=device, dtype=dtype)

    def step(self, x: Tensor, state: DeltaMemory) -> tuple[Tensor, DeltaMemory]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        heads = self.heads_of(x, state.recent)
        matrix = delta_rule_state(heads.k, heads.v, *self._gates(x), state.matrix)
        return self._read(x, heads, state.matrix), DeltaMemory(heads.recent, matrix)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        values = self.heads * self.value_width
        maps = pointwise_cost(shape, self.heads) * 2 + pointwise_cost(shape, values)
        maps += pointwise_cost((B, values, L), C)
        rule = delta_rule_cost(B, self.heads, L, self.key_width, self.value_width, Decay.STEP)
        return self.heads_of.cost(shape) + maps + rule

    def extra_repr(self) -> str:
        widths = f"key_width={self.key_width}, value_width={self.value_width}"
        return f"{self.channels}, heads={self.heads}, {widths}"


def _mixer(channels: int, spatial: Shape) -> GatedDeltaNetMixer1d:
    return GatedDeltaNetMixer1d(channels, heads_for(channels))


CARD = Card(
    operators=(GatedDeltaNetMixer1d,),
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
        Case((2, 4, 6), lambda: GatedDeltaNetMixer1d(4, 2), {"heads": 2, "key_width": 1}),
        Case((1, 3, 7), lambda: GatedDeltaNetMixer1d(3, 1, key_width=3), {"heads": 1, "key_width": 3}),
        Case(
            (2, 6, 5),
            lambda: GatedDeltaNetMixer1d(6, 2, key_width=3, value_width=2),
            {"heads": 2, "key_width": 3},
        ),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: GatedDeltaNetMixer1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: GatedDeltaNetMixer1d(4, 0), says="heads, widths"),
    ),
    mixer=_mixer,
)
