"""Several objectives at once, weighed by the same numbers that tune the network."""

from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.operators.dynamic.tunable_conv import tune

Objective = Callable[[Tensor, Tensor], Tensor]  # (network's output, target) -> (B,)


@final
class ParametricMultiLoss(nn.Module):
    """mean_b sum_i tuning[b, i] objective_i(y[b], target[b]), each example with a tuning of its own.

    In training forward draws the tunings, hands them to every tunable layer and returns what the network
    makes of x; `loss` weighs the objectives of that output by them. Train with
    `fit(multi, x, target, loss=multi.loss, ...)`; afterwards `tune(network, tuning)` sets the knobs.

    Tunings are drawn evenly from those that sum to 1. The paper asks for all combinations at random; that
    they sum to 1 is how its published networks are used.
    """

    def __init__(self, network: nn.Module, objectives: Sequence[Objective]) -> None:
        super().__init__()
        if not objectives:
            raise ArgumentError("expected one objective or more, got none")
        self.network, self.objectives = network, tuple(objectives)
        self.tuning: Tensor | None = None  # of the latest batch
        tune(network, torch.full((len(objectives),), 1 / len(objectives)))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.tuning = even_shares(len(x), len(self.objectives), x.device).to(x.dtype)
            tune(self.network, self.tuning)
        y: Tensor = self.network(x)
        return y

    def loss(self, y: Tensor, target: Tensor) -> Tensor:
        """Of the latest output in training mode -> scalar."""
        values = torch.stack([objective(y, target) for objective in self.objectives], dim=1)
        if self.tuning is None or values.shape != self.tuning.shape:
            drawn = None if self.tuning is None else tuple(self.tuning.shape)
            raise ShapeError(
                f"expected a number for each example from each objective, for the latest batch with "
                f"tuning {drawn}, got {tuple(values.shape)}; call forward in training mode before"
            )
        return (self.tuning * values).sum(1).mean()


def even_shares(examples: int, objectives: int, device: torch.device) -> Tensor:
    """Rows of shares that are 0 or more and sum to 1, all equally likely -> (examples, objectives)."""
    waits = -torch.log1p(-torch.rand(examples, objectives, device=device))
    return waits / waits.sum(1, keepdim=True)
