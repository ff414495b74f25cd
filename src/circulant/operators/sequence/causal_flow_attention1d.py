r"""Flow attention from left to right: every sum over positions of `FlowAttention1d` becomes a running mean.

    y = W_o r + b_o,   r_i = sigmoid(I^_i) (q_i / I_i) . sum_{j <= i} k_j (s_j v_j)^T
    I_i = q_i . sum_{j <= i} k_j,   O_i = k_i . sum_{j <= i} q_j,   n_i = i + 1
    I^_i = q_i . sum_{j <= i} k_j n_j / O_j / n_i,   O^_i = k_i . sum_{j <= i} q_j n_j / I_j / n_i
    s_i = n_i exp(c_i) / sum_{j <= i} exp(c_j),   c = clamp(O^, -1, 1)

Shapes: x (B, C, L) -> y (B, C, L); q and k are sigmoids of linear maps of x split into heads, v is linear,
and eps = 1e-6, left out above, is added to both factors of each of the four products. n_i makes up for
sums that have seen i + 1 positions only. The state for streaming does not grow: five running sums and
the memory (B, heads, C / heads, C / heads).
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import linear_attention_cost, pointwise_cost
from circulant.engine.linear_attention import linear_attention, linear_attention_state
from circulant.operators.sequence.heads import heads_for, join_heads, require_heads, split_heads, wide

EPS = 1e-6


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 1) -> Tensor:
    eps = 1e-6
    B, C, L = x.shape
    rows = x.transpose(1, 2)

    def projected(name: str, values: Tensor) -> Tensor:
        return values @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    q, k, v = (projected(name, rows).reshape(B, L, heads, -1) for name in ("query", "key", "value"))
    q, k = 1 / (1 + torch.exp(-q)), 1 / (1 + torch.exp(-k))
    sources, sinks, won, written, results = [], [], [], [], []
    for i in range(L):
        n = i + 1
        inflow = ((q[:, i] + eps) * (k[:, :n].sum(1) + eps)).sum(-1, keepdim=True)
        outflow = ((k[:, i] + eps) * (q[:, :n].sum(1) + eps)).sum(-1, keepdim=True)
        sources.append(k[:, i] * n / outflow)
        sinks.append(q[:, i] * n / inflow)
        sink = ((q[:, i] + eps) * (sum(sources) + eps)).sum(-1, keepdim=True) / n
        source = ((k[:, i] + eps) * (sum(sinks) + eps)).sum(-1, keepdim=True) / n
        won.append(torch.exp(source.clamp(-1, 1)))
        written.append(v[:, i] * n * won[-1] / sum(won))
        scores = [(q[:, i] / inflow * k[:, j]).sum(-1, keepdim=True) for j in range(n)]
        mixed = sum(score * value for score, value in zip(scores, written))
        results.append((mixed / (1 + torch.exp(-sink))).reshape(B, C))
    return projected("output", torch.stack(results, 1)).transpose(1, 2)


@final
@dataclass(frozen=True, slots=True)
class FlowsSoFar:
    """Sums over the positions seen, (B, H, 1, D) or (B, H, 1, 1), and the memory (B, H, D, D)."""

    seen: int
    keys: Tensor
    queries: Tensor
    sources: Tensor  # of n k / O
    sinks: Tensor  # of n q / I
    won: Tensor  # of exp(c)
    memory: Tensor


@final
@dataclass(frozen=True, slots=True)
class Flow:
    """What a chunk gives, writes and adds up."""

    y: Tensor
    keys: Tensor
    written: Tensor
    totals: tuple[Tensor, ...]  # running sums in the order of FlowsSoFar


@final
class CausalFlowAttention1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        heads: int = 4,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_heads(channels, heads)
        self.channels, self.heads = channels, heads
        self.query, self.key, self.value, self.output = (
            nn.Linear(channels, channels, device=device, dtype=dtype) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._flow(x, self.initial_state(x.shape[0], device=x.device, dtype=wide(x).dtype)).y

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> FlowsSoFar:
        def zeros(*size: int) -> Tensor:
            return torch.zeros(batch, self.heads, *size, device=device, dtype=dtype)

        width = self.channels // self.heads
        row = zeros(1, width)
        return FlowsSoFar(0, row, row, row, row, zeros(1, 1), zeros(width, width))

    def step(self, x: Tensor, state: FlowsSoFar) -> tuple[Tensor, FlowsSoFar]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        flow = self._flow(x, state)
        keys, queries, sources, sinks, won = (total[:, :, -1:] for total in flow.totals)
        memory = linear_attention_state(flow.keys, flow.written, initial_state=state.memory)
        return flow.y, FlowsSoFar(state.seen + x.shape[2], keys, queries, sources, sinks, won, memory)

    def _flow(self, x: Tensor, state: FlowsSoFar) -> Flow:
        rows = x.transpose(1, 2)
        maps = (self.query, self.key, self.value)
        q, k, v = (wide(split_heads(project(rows), self.heads)) for project in maps)
        q, k = torch.sigmoid(q), torch.sigmoid(k)
        number = torch.arange(state.seen + 1, state.seen + x.shape[2] + 1, device=x.device)[:, None]
        keys, queries = state.keys + k.cumsum(2), state.queries + q.cumsum(2)
        inflow, outflow = _meeting(q, keys), _meeting(k, queries)
        sources = state.sources + (k * number / outflow).cumsum(2)
        sinks = state.sinks + (q * number / inflow).cumsum(2)
        winning = torch.exp((_meeting(k, sinks) / number).clamp(-1, 1))
        won = state.won + winning.cumsum(2)
        written = v * (winning / won * number)
        mixed = linear_attention(q / inflow, k, written, initial_state=state.memory)
        mixed = mixed * torch.sigmoid(_meeting(q, sources) / number)
        y = self.output(join_heads(mixed.to(x.dtype))).transpose(1, 2)
        return Flow(y, k, written, (keys, queries, sources, sinks, won))

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        width = C // self.heads
        return pointwise_cost(shape, C) * 4 + linear_attention_cost(B, self.heads, L, width, width)

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}"


def _meeting(flows: Tensor, total: Tensor) -> Tensor:
    return ((flows + EPS) * (total + EPS)).sum(-1, keepdim=True)


def _mixer(channels: int, spatial: Shape) -> CausalFlowAttention1d:
    return CausalFlowAttention1d(channels, heads_for(channels))


CARD = Card(
    operators=(CausalFlowAttention1d,),
    reference=reference,
    papers=(
        Paper(
            "Wu, Wu, Xu, Wang and Long",
            2022,
            "Flowformer: Linearizing Transformers with Conservation Flows",
            "https://arxiv.org/abs/2202.06258",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 4, 6), lambda: CausalFlowAttention1d(4, 2), {"heads": 2}),
        Case((1, 3, 5), lambda: CausalFlowAttention1d(3, 1), {"heads": 1}),
        Case((2, 6, 1), lambda: CausalFlowAttention1d(6, 3), {"heads": 3}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: CausalFlowAttention1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: CausalFlowAttention1d(4, 3), says="divisor of channels = 4"),
    ),
    mixer=_mixer,
)
