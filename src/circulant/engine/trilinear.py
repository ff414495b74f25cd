"""One torch operator for each family of trilinear problems, differentiable to any order.

The operator takes the two operands of a slot, integers that fix the problem, and the caller's
choice; it plans when it runs, so that compiled code with symbolic sizes plans for the real ones.
"""

from collections.abc import Callable, Sequence
from typing import Any, final

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.algorithms.algorithm import AlgorithmName
from circulant.backends.table import Backend
from circulant.core.sizes import Shape
from circulant.engine.choice import Choice
from circulant.engine.execute import execute
from circulant.problems.problem import Problem
from circulant.problems.trilinear import OPERANDS, Slot

ProblemOf = Callable[[Slot, Shape, Shape, Sequence[int], torch.dtype], Problem]
"""(slot, shape of first, shape of second, settings, dtype) -> problem."""


@final
class TrilinearOp:
    """`circulant::<name>`: solves the family's problem for a slot."""

    def __init__(self, name: str, problem_of: ProblemOf) -> None:
        self.problem_of = problem_of

        @torch.library.custom_op(f"circulant::{name}", mutates_args=())
        def op(
            first: Tensor,
            second: Tensor,
            settings: Sequence[int],
            slot: str,
            algorithm: str | None,
            backend: str | None,
            workspace_limit: float | None,
            tolerance: float | None,
        ) -> Tensor:
            choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
            problem = problem_of(Slot(slot), tuple(first.shape), tuple(second.shape), settings, first.dtype)
            return execute(problem, (first, second), choice)

        self._op = op
        op.register_fake(self._fake)
        op.register_autograd(self._backward, setup_context=_save)
        op.register_vmap(self._vmap)
        register_flop_formula(getattr(torch.ops.circulant, name))(self._flop)

    def __call__(
        self, slot: Slot, first: Tensor, second: Tensor, settings: Sequence[int], choice: Choice
    ) -> Tensor:
        return self._op(first, second, settings, slot.value, *as_arguments(choice))

    def _fake(self, first: Tensor, second: Tensor, settings: Sequence[int], slot: str, *_: Any) -> Tensor:
        problem = self.problem_of(
            Slot(slot), tuple(first.shape), tuple(second.shape), settings, first.dtype
        )
        return first.new_empty(problem.result_shape)

    def _flop(
        self, first: Shape, second: Shape, settings: Sequence[int], slot: str, *_: Any, **__: Any
    ) -> int:
        return round(self.problem_of(Slot(slot), first, second, settings, torch.float32).flop)

    def _backward(self, ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        """The same form, solved for each operand with the cotangent in the place of the result."""
        values = {**dict(zip(OPERANDS[ctx.slot], ctx.saved_tensors)), ctx.slot: cotangent}

        def solve(slot: Slot) -> Tensor:
            first, second = (values[operand] for operand in OPERANDS[slot])
            return self._op(first, second, ctx.settings, slot.value, *ctx.choice)

        wanted = zip(OPERANDS[ctx.slot], ctx.needs_input_grad)
        gradients = [solve(slot) if needed else None for slot, needed in wanted]
        return (*gradients, None, None, None, None, None, None)

    def _vmap(self, info: Any, in_dims: Any, first: Tensor, second: Tensor, *rest: Any) -> tuple[Tensor, int]:
        """One call for each mapped index: the two operands may be mapped apart."""
        rows = [
            self._op(
                first if in_dims[0] is None else first.select(in_dims[0], index),
                second if in_dims[1] is None else second.select(in_dims[1], index),
                *rest,
            )
            for index in range(info.batch_size)
        ]
        return torch.stack(rows), 0


def from_arguments(
    algorithm: str | None, backend: str | None, workspace_limit: float | None, tolerance: float | None
) -> Choice:
    return Choice(
        None if algorithm is None else AlgorithmName(algorithm),
        None if backend is None else Backend(backend),
        workspace_limit,
        tolerance,
    )


def as_arguments(choice: Choice) -> tuple[str | None, str | None, float | None, float | None]:
    """As an operator of torch takes them."""
    return (
        choice.algorithm.value if choice.algorithm else None,
        choice.backend.value if choice.backend else None,
        choice.workspace_limit,
        choice.tolerance,
    )


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    first, second, ctx.settings, slot, *choice = inputs
    ctx.slot, ctx.choice = Slot(slot), choice
    ctx.save_for_backward(first, second)
