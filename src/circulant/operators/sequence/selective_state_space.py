r"""The recurrence of Mamba: a diagonal state-space model whose step and weights follow from its input.

    (r, B, C) = W_x x,   dt = softplus(W_dt r + b_dt),   A = -exp(log_decay)
    h_l = exp(dt_l A) h_{l-1} + dt_l B_l x_l,   y_l = C_l . h_l + skip x_l

Several paths through the same data, each with parameters of its own, are one scan.
Shapes: x (B, P, D, L) -> y (B, P, D, L) for P paths; the state is (B, P D, N).

The input is weighted by dt B (Euler's rule), where S4D holds it constant during a step. A starts as -1 .. -N,
dt log-uniform from 0.001 to 0.1.
"""

from math import ceil, log
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.engine.costs import problem_cost
from circulant.engine.selective_scan import selective_scan
from circulant.problems.selective_scan import SelectiveScanProblem

SHORTEST_STEP, LONGEST_STEP = 0.001, 0.1
CHANNELS_PER_RANK = 16


def step_rank(channels: int, rank: int | None) -> int:
    """Of the map that makes dt, unless given: one for every sixteen channels of the model."""
    found = ceil(channels / CHANNELS_PER_RANK) if rank is None else rank
    if found < 1:
        raise ArgumentError(f"expected channels and rank of 1 or more, got {channels} and {rank}")
    return found


@final
class SelectiveStateSpace(nn.Module):
    def __init__(
        self,
        channels: int,
        states: int,
        rank: int,
        paths: int = 1,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, states) < 1:
            raise ArgumentError(f"expected channels and states of 1 or more, got {channels} and {states}")
        self.channels, self.states, self.rank, self.paths = channels, states, rank, paths

        def weights(*sizes: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(paths, *sizes, device=device, dtype=dtype))

        self.project = weights(rank + 2 * states, channels)
        self.step_weight = weights(channels, rank)
        self.step_bias = weights(channels)
        self.log_decay = weights(channels, states)
        self.skip = weights(channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for weight in (self.project, self.step_weight):
            bound = weight.shape[-1] ** -0.5
            nn.init.uniform_(weight, -bound, bound)
        nn.init.ones_(self.skip)
        with torch.no_grad():
            poles = torch.arange(1, self.states + 1, dtype=torch.float64)
            self.log_decay.copy_(poles.log().expand_as(self.log_decay))
            nn.init.uniform_(self.step_bias, log(SHORTEST_STEP), log(LONGEST_STEP)).exp_()
            self.step_bias.copy_(
                self.step_bias + torch.log(-torch.expm1(-self.step_bias))
            )  # softplus' inverse

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """y and the last state, from the state before the first sample, zeros unless given."""
        made = self.project @ x
        low, B, C = made.split([self.rank, self.states, self.states], dim=2)
        step = self.step_weight @ low
        wide = torch.promote_types(self.log_decay.dtype, torch.float32)
        A = -self.log_decay.to(wide).exp()
        y, last = selective_scan(
            x.flatten(1, 2), step.flatten(1, 2), A.flatten(0, 1), B, C, self.skip.flatten(),
            delta_bias=self.step_bias.flatten(), delta_softplus=True, initial_state=state,
        )  # fmt: skip
        return y.unflatten(1, x.shape[1:3]), last

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """In float32 at least."""
        wide = torch.promote_types(dtype or self.log_decay.dtype, torch.float32)
        return torch.zeros(batch, self.paths * self.channels, self.states, device=device, dtype=wide)

    def cost(self, batch: int, length: int) -> Cost:
        scan = SelectiveScanProblem(
            torch.float32, batch, self.paths * self.channels, self.paths, self.states, length, False
        )
        rows = batch * length
        made = matmul_cost(rows, self.channels, self.rank + 2 * self.states)
        step = matmul_cost(rows, self.rank, self.channels)
        return (made + step) * self.paths + problem_cost(scan)

    def extra_repr(self) -> str:
        return f"{self.channels}, states={self.states}, rank={self.rank}, paths={self.paths}"
