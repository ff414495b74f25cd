r"""Mamba: a recurrence that chooses from its input what to keep and what to forget, between two linear maps.

    (u, z) = W_in x,   u = silu(conv(u)),   (r, B, C) = W_x u,   dt = softplus(W_dt r + b_dt)
    h_l = exp(dt_l A) h_{l-1} + dt_l B_l u_l,   y = W_out (silu(z) (C_l . h_l + D u_l))

Shapes: x (B, C, L) -> y (B, C, L). u and z have expand C channels; conv is causal and depthwise with `taps`
taps; each channel of u has `states` real states with A = -exp(log_decay), B and C are shared by all.
With W_x = 0 but for a constant, the operator is time-invariant: A_bar = exp(dt A), B_bar = dt B.
"""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.sequence.selective_state_space import SelectiveStateSpace, step_rank
from circulant.operators.sequence.short_conv import ShortConv


def reference(x: Tensor, state: dict[str, Tensor], taps: int = 4) -> Tensor:
    u, z = (x.transpose(1, 2) @ state["project_in.weight"].T + state.get("project_in.bias", 0)).chunk(2, -1)
    weight, (B, L, D) = state["conv.weight"][:, 0], u.shape
    A = -state["ssm.log_decay"][0].exp()
    N = A.shape[1]
    h, rows = torch.zeros(B, D, N, dtype=x.dtype), []
    for l in range(L):
        v = state["conv.bias"] + sum(weight[:, taps - 1 - m] * u[:, l - m] for m in range(min(taps, l + 1)))
        v = v / (1 + torch.exp(-v))
        made = v @ state["ssm.project"][0].T
        step = made[:, : -2 * N] @ state["ssm.step_weight"][0].T + state["ssm.step_bias"][0]
        step = torch.log(1 + torch.exp(step))[..., None]
        h = torch.exp(step * A) * h + step * made[:, None, -2 * N : -N] * v[..., None]
        y = (h * made[:, None, -N:]).sum(-1) + state["ssm.skip"][0] * v
        rows.append(y * z[:, l] / (1 + torch.exp(-z[:, l])))
    y = torch.stack(rows, 1) @ state["project_out.weight"].T + state.get("project_out.bias", 0)
    return y.transpose(1, 2)


@final
@dataclass(frozen=True, slots=True)
class SelectiveState:
    """What a stream remembers: samples for the convolution (B, D, taps - 1), and the states (B, D, N)."""

    recent: Tensor
    memory: Tensor


@final
class SelectiveSsm1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        states: int = 16,
        *,
        expand: int = 2,
        taps: int = 4,
        rank: int | None = None,
        bias: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, inner = channels, expand * channels
        rank = step_rank(channels, rank)
        self.project_in = nn.Linear(channels, 2 * inner, bias, device=device, dtype=dtype)
        self.conv = ShortConv(inner, taps, silu=True, bias=True, device=device, dtype=dtype)
        self.ssm = SelectiveStateSpace(inner, states, rank, device=device, dtype=dtype)
        self.project_out = nn.Linear(inner, channels, bias, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        u, z = self._projected(x)
        y, _ = self.ssm(self.conv(u)[:, None])
        return self._gated(y[:, 0], z)

    def _projected(self, x: Tensor) -> tuple[Tensor, Tensor]:
        u, z = self.project_in(x.transpose(1, 2)).transpose(1, 2).chunk(2, 1)
        return u, z

    def _gated(self, y: Tensor, z: Tensor) -> Tensor:
        return self.project_out((y * F.silu(z)).transpose(1, 2)).transpose(1, 2)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> SelectiveState:
        parts = (part.initial_state(batch, device=device, dtype=dtype) for part in (self.conv, self.ssm))
        return SelectiveState(*parts)

    def step(self, x: Tensor, state: SelectiveState) -> tuple[Tensor, SelectiveState]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        u, z = self._projected(x)
        u, recent = self.conv.step(u, state.recent)
        y, memory = self.ssm(u[:, None], state.memory)
        return self._gated(y[:, 0], z), SelectiveState(recent, memory)

    def cost(self, shape: Shape) -> Cost:
        B, _, L = shape
        inner = (B, self.ssm.channels, L)
        projections = pointwise_cost(shape, 2 * self.ssm.channels) + pointwise_cost(inner, self.channels)
        return projections + self.conv.cost(inner) + self.ssm.cost(B, L)


def _mixer(channels: int, spatial: Shape) -> SelectiveSsm1d:
    return SelectiveSsm1d(channels)


CARD = Card(
    operators=(SelectiveSsm1d,),
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
            "Gu and Dao",
            2023,
            "Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
            "https://arxiv.org/abs/2312.00752",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 3, 7), lambda: SelectiveSsm1d(3, 2)),
        Case((1, 2, 5), lambda: SelectiveSsm1d(2, 3, expand=1, taps=2, rank=2, bias=True), {"taps": 2}),
    ),
    refuses=(
        BadInput((2, 4, 12), lambda: SelectiveSsm1d(3), says="C = 3"),
        BadInput((3, 12), lambda: SelectiveSsm1d(3), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
