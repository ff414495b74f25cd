r"""Attention as a flow network: sources compete for an outflow of one, sinks share an inflow of one.

    y = W_o r + b_o,   r_i = sigmoid(I^_i) (q_i / I_i) . sum_j k_j (s_j v_j)^T,   s = L softmax(clamp(O^))
    I_i = q_i . sum_j k_j,          O_j = k_j . sum_i q_i,
    I^_i = q_i . sum_j k_j / O_j,   O^_j = k_j . sum_i q_i / I_i
    q = sigmoid(W_q x + b_q),   k = sigmoid(W_k x + b_k),   v = W_v x + b_v,   split into heads

Shapes: x (B, C, *) -> y (B, C, *); four linear maps (C, C). i and j run over all positions, L of them.
I and O are what flows into a sink and out of a source; I^ and O^ are what remains of it once the other
side is held to a flow of one. clamp is to [-1, 1]; eps, left out above, is added to both factors of each
of the four products. Two small products for each head stand for the square of positions.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product
from circulant.operators.sequence.heads import heads_for, join_heads, require_heads, split_heads, wide

EPS = 1e-6


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 1) -> Tensor:
    eps = 1e-6
    B, C, rows = *x.shape[:2], x.flatten(2).transpose(1, 2)

    def projected(name: str, values: Tensor) -> Tensor:
        return values @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def per_head(name: str) -> Tensor:
        return projected(name, rows).reshape(B, rows.shape[1], heads, -1).permute(0, 2, 1, 3)

    q, k, v = torch.sigmoid(per_head("query")), torch.sigmoid(per_head("key")), per_head("value")
    positions = range(rows.shape[1])
    inflow = torch.stack([((q[:, :, i] + eps) * (k.sum(2) + eps)).sum(-1) for i in positions], -1)
    outflow = torch.stack([((k[:, :, j] + eps) * (q.sum(2) + eps)).sum(-1) for j in positions], -1)
    sources, sinks = k / outflow[..., None], q / inflow[..., None]
    sink = torch.stack([((q[:, :, i] + eps) * (sources.sum(2) + eps)).sum(-1) for i in positions], -1)
    source = torch.stack([((k[:, :, j] + eps) * (sinks.sum(2) + eps)).sum(-1) for j in positions], -1)
    won = torch.exp(source.clamp(-1, 1))
    competition = won / won.sum(-1, keepdim=True) * len(positions)
    flow = torch.einsum("bhid,bhjd->bhij", q, k) / inflow[..., None] * competition[:, :, None, :]
    mixed = flow @ v * torch.sigmoid(sink)[..., None]
    joined = mixed.permute(0, 2, 1, 3).reshape(B, rows.shape[1], C)
    return projected("output", joined).transpose(1, 2).reshape(x.shape)


def mix_flows(q: Tensor, k: Tensor, v: Tensor, eps: float = EPS) -> Tensor:
    """q (B, H, L, D) and k (B, H, M, D), not negative, v (B, H, M, E) -> (B, H, L, E)."""
    sinks, sources = q.shape[2], k.shape[2]
    inflow = _meeting(q, k.sum(2, keepdim=True), eps)
    outflow = _meeting(k, q.sum(2, keepdim=True), eps)
    sink = _meeting(q, outflow.reciprocal().mT @ k, eps)
    source = _meeting(k, inflow.reciprocal().mT @ q, eps).clamp(-1, 1)
    competition = torch.softmax(source, dim=2) * sources
    return q @ (k.mT @ (v * competition)) * (torch.sigmoid(sink * (sinks / sources)) / inflow)


def _meeting(flows: Tensor, total: Tensor, eps: float) -> Tensor:
    """(flows + eps) . (total + eps) for each position, (B, H, L, 1)."""
    shifted = total + eps
    return flows @ shifted.mT + eps * shifted.sum(-1, keepdim=True)


class _FlowAttention(Operator):
    """Abstract over the number of spatial axes."""

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
        self.query = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.key = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.value = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.output = nn.Linear(channels, channels, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        rows = x.flatten(2).transpose(1, 2).contiguous()  # once for all maps
        q, k, v = (
            split_heads(wide(project(rows)), self.heads) for project in (self.query, self.key, self.value)
        )
        mixed = mix_flows(torch.sigmoid(q), torch.sigmoid(k), v).to(x.dtype)
        return self.output(join_heads(mixed)).transpose(1, 2).reshape(x.shape)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = *shape[:2], product(shape[2:])
        width = C // self.heads
        mixing = matmul_cost(width, L, width) + matmul_cost(L, width, width)
        mixing += matmul_cost(L, width, 1) * 4 + matmul_cost(1, L, width) * 2  # flows in and out
        return matmul_cost(B * L, C, C) * 4 + mixing * (B * self.heads)

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}"


@final
class FlowAttention1d(_FlowAttention):
    ndims = (1,)


@final
class FlowAttention2d(_FlowAttention):
    ndims = (2,)


@final
class FlowAttention3d(_FlowAttention):
    ndims = (3,)


BY_NDIM: dict[int, type[_FlowAttention]] = {1: FlowAttention1d, 2: FlowAttention2d, 3: FlowAttention3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels, heads_for(channels))


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Wu, Wu, Xu, Wang and Long",
            2022,
            "Flowformer: Linearizing Transformers with Conservation Flows",
            "https://arxiv.org/abs/2202.06258",
        ),
    ),
    laws=frozenset({Law.PERMUTATION_EQUIVARIANT, Law.SHIFT_EQUIVARIANT}),
    cases=(
        Case((2, 4, 6), lambda: FlowAttention1d(4, 2), {"heads": 2}),
        Case((1, 3, 2, 4), lambda: FlowAttention2d(3, 1), {"heads": 1}),
        Case((2, 6, 2, 1, 3), lambda: FlowAttention3d(6, 3), {"heads": 3}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: FlowAttention1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: FlowAttention1d(4, 3), says="divisor of channels = 4"),
    ),
    mixer=_mixer,
)
