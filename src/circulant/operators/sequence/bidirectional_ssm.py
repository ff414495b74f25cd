r"""Bidirectional Mamba of Vim: one selective recurrence from the left, one from the right, one gate for both.

    (u, z) = W_in x,   y = W_out (silu(z) (S_1(u) + flip(S_2(flip(u)))))
    S_i(u) = selective state space of silu(conv_i(u)), each with parameters of its own

Shapes: x (B, C, L) -> y (B, C, L). Inside, expand C channels, a causal depthwise convolution of `taps` taps
for each direction, `states` states for each channel. The sum is not halved.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.sequence.selective_state_space import SelectiveStateSpace, step_rank
from circulant.operators.sequence.short_conv import ShortConv


def reference(x: Tensor, state: dict[str, Tensor], taps: int = 4) -> Tensor:
    u, z = (x.transpose(1, 2) @ state["project_in.weight"].T).chunk(2, -1)
    B, L, D = u.shape
    total = torch.zeros_like(u)
    for path in range(2):
        weight = state["conv.weight"][path * D : (path + 1) * D, 0]
        bias = state["conv.bias"][path * D : (path + 1) * D]
        A = -state["ssm.log_decay"][path].exp()
        N = A.shape[1]
        h, rows = torch.zeros(B, D, N, dtype=x.dtype), []
        seen = u.flip(1) if path else u
        for l in range(L):
            v = bias + sum(weight[:, taps - 1 - m] * seen[:, l - m] for m in range(min(taps, l + 1)))
            v = v / (1 + torch.exp(-v))
            made = v @ state["ssm.project"][path].T
            step = made[:, : -2 * N] @ state["ssm.step_weight"][path].T + state["ssm.step_bias"][path]
            step = torch.log(1 + torch.exp(step))[..., None]
            h = torch.exp(step * A) * h + step * made[:, None, -2 * N : -N] * v[..., None]
            rows.append((h * made[:, None, -N:]).sum(-1) + state["ssm.skip"][path] * v)
        y = torch.stack(rows, 1)
        total = total + (y.flip(1) if path else y)
    return (total * z / (1 + torch.exp(-z)) @ state["project_out.weight"].T).transpose(1, 2)


@final
class BidirectionalSsm(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        states: int = 16,
        *,
        expand: int = 2,
        taps: int = 4,
        rank: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, inner = channels, expand * channels
        rank = step_rank(channels, rank)
        self.project_in = nn.Linear(channels, 2 * inner, bias=False, device=device, dtype=dtype)
        self.conv = ShortConv(2 * inner, taps, silu=True, bias=True, device=device, dtype=dtype)
        self.ssm = SelectiveStateSpace(inner, states, rank, paths=2, device=device, dtype=dtype)
        self.project_out = nn.Linear(inner, channels, bias=False, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        u, z = self.project_in(x.transpose(1, 2)).transpose(1, 2).chunk(2, 1)
        both = self.conv(torch.cat([u, u.flip(-1)], 1))
        y, _ = self.ssm(both.unflatten(1, (2, -1)))
        merged = y[:, 0] + y[:, 1].flip(-1)
        return self.project_out((merged * F.silu(z)).transpose(1, 2)).transpose(1, 2)

    def cost(self, shape: Shape) -> Cost:
        B, _, L = shape
        inner = self.ssm.channels
        projections = pointwise_cost(shape, 2 * inner) + pointwise_cost((B, inner, L), self.channels)
        return projections + self.conv.cost((B, 2 * inner, L)) + self.ssm.cost(B, L)


def _mixer(channels: int, spatial: Shape) -> BidirectionalSsm:
    return BidirectionalSsm(channels)


CARD = Card(
    operators=(BidirectionalSsm,),
    reference=reference,
    papers=(
        Paper(
            "Heidari, Ghorbani Kolahi, Karimijafarbigloo, Azad, Bozorgpour, Hatami, Azad, Diba, Bagci, "
            "Merhof and Hacihaliloglu",
            2024,
            "Computation-Efficient Era: A Comprehensive Survey of State Space Models "
            "in Medical Image Analysis",
            "https://arxiv.org/abs/2406.03430",
        ),
        Paper(
            "Zhu, Liao, Zhang, Wang, Liu and Wang",
            2024,
            "Vision Mamba: Efficient Visual Representation Learning with Bidirectional State Space Model",
            "https://arxiv.org/abs/2401.09417",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 3, 6), lambda: BidirectionalSsm(3, 2)),
        Case((1, 2, 5), lambda: BidirectionalSsm(2, 3, expand=1, taps=2, rank=2), {"taps": 2}),
    ),
    refuses=(
        BadInput((2, 4, 12), lambda: BidirectionalSsm(3), says="C = 3"),
        BadInput((3, 12), lambda: BidirectionalSsm(3), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
