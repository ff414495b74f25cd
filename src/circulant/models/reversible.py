"""Stacks of modules whose states can be computed backwards, so that training need not keep them.

After Cai et al. (2022), Reversible Column Networks, https://arxiv.org/abs/2212.11696: a column adds what it
makes of its own earlier levels to a fraction of the column before it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

State = tuple[Tensor, ...]


class ReversibleColumn(nn.Module, ABC):
    """Abstract. Takes an input that all columns share and the state of the column before it."""

    @abstractmethod
    def forward(self, x: Tensor, state: State) -> State: ...

    @abstractmethod
    def inverse(self, x: Tensor, state: State) -> State:
        """The state of the column before, from this column's."""


def run_columns(
    columns: Sequence[ReversibleColumn], x: Tensor, state: State, *, saves_memory: bool = True
) -> State:
    """The state after all columns; with saves_memory the backward pass recomputes those between.

    Memory then holds one state however many columns there are, for about one more forward pass and the
    rounding errors of the inverses. Such a gradient cannot be differentiated again.
    """
    if saves_memory and torch.is_grad_enabled():
        parameters = [parameter for column in columns for parameter in column.parameters()]
        made: State = _Recomputed.apply(  # type: ignore[no-untyped-call]
            tuple(columns), len(state), x, *state, *parameters
        )
        return made
    for column in columns:
        state = column(x, state)
    return state


class _Recomputed(torch.autograd.Function):
    """Columns, number of levels, x, state and parameters -> state; keeps x and the last state only."""

    @staticmethod
    def forward(ctx: Any, columns: tuple[ReversibleColumn, ...], levels: int, *tensors: Tensor) -> State:
        x, state = tensors[0], tensors[1 : 1 + levels]
        for column in columns:
            state = column(x, state)
        ctx.columns = columns
        ctx.save_for_backward(x, *state)
        return state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        x, *rest = ctx.saved_tensors
        state, down = tuple(rest), tuple(cotangents)
        x_gradient = torch.zeros_like(x)
        found: list[Tensor | None] = []
        for column in reversed(ctx.columns):
            with torch.no_grad():
                state = column.inverse(x, state)
            own = list(column.parameters())
            leaves = [value.detach().requires_grad_() for value in (x, *state)]
            with torch.enable_grad():
                made = column(leaves[0], tuple(leaves[1:]))
            wanted = [*leaves, *(parameter for parameter in own if parameter.requires_grad)]
            got = list(torch.autograd.grad(made, wanted, down, allow_unused=True))
            x_gradient = x_gradient + _known(got[0], x)
            down = tuple(map(_known, got[1 : len(leaves)], state))
            trained = iter(got[len(leaves) :])
            found = [next(trained) if parameter.requires_grad else None for parameter in own] + found
        return (None, None, x_gradient, *down, *found)


def _known(gradient: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if gradient is None else gradient
