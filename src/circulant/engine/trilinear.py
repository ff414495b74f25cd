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
from circulant.engine.doors import runs_plainly
from circulant.engine.execute import execute, execute_gradients
from circulant.problems.trilinear import OPERANDS, Slot, TrilinearProblem

ProblemOf = Callable[[Slot, Shape, Shape, Sequence[int], torch.dtype], TrilinearProblem]
"""(slot, shape of first, shape of second, settings, dtype) -> problem."""


@final
class TrilinearOp:
    """`circulant::<name>` solves the family's problem for a slot; `circulant::<name>_gradients` for the two
    operands of slot OUTPUT at once."""

    def __init__(self, name: str, problem_of: ProblemOf) -> None:
        self.problem_of = problem_of
        self._op = self._define(name)
        self._gradients_op = self._define_gradients(name)

    def _define(self, name: str) -> Callable[..., Any]:
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
            shapes = tuple(first.shape), tuple(second.shape)
            problem = self.problem_of(Slot(slot), *shapes, settings, first.dtype)
            return execute(problem, (first, second), choice)

        op.register_fake(self._fake)
        op.register_autograd(self._backward, setup_context=_save)
        op.register_vmap(self._vmap)
        register_flop_formula(getattr(torch.ops.circulant, name))(self._flop)
        return op

    def _define_gradients(self, name: str) -> Callable[..., Any]:
        @torch.library.custom_op(f"circulant::{name}_gradients", mutates_args=())
        def gradients(
            first: Tensor,
            second: Tensor,
            cotangent: Tensor,
            settings: Sequence[int],
            algorithm: str | None,
            backend: str | None,
            workspace_limit: float | None,
            tolerance: float | None,
        ) -> tuple[Tensor, Tensor]:
            choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
            shapes = tuple(first.shape), tuple(second.shape)
            problem = self.problem_of(Slot.OUTPUT, *shapes, settings, first.dtype)
            return execute_gradients(problem, first, second, cotangent, choice)

        gradients.register_fake(
            lambda first, second, *_: (first.new_empty(first.shape), second.new_empty(second.shape))
        )
        gradients.register_autograd(self._backward_of_gradients, setup_context=_save_three)
        gradients.register_vmap(self._vmap_of_gradients)
        register_flop_formula(getattr(torch.ops.circulant, f"{name}_gradients"))(self._flop_of_gradients)
        return gradients

    def __call__(
        self, slot: Slot, first: Tensor, second: Tensor, settings: Sequence[int], choice: Choice
    ) -> Tensor:
        if runs_plainly(first, second):
            shapes = tuple(first.shape), tuple(second.shape)
            return execute(self.problem_of(slot, *shapes, settings, first.dtype), (first, second), choice)
        return self._op(first, second, settings, slot.value, *as_arguments(choice))

    def _fake(self, first: Tensor, second: Tensor, settings: Sequence[int], slot: str, *_: Any) -> Tensor:
        problem = self.problem_of(Slot(slot), tuple(first.shape), tuple(second.shape), settings, first.dtype)
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

        if ctx.slot is Slot.OUTPUT and all(ctx.needs_input_grad[:2]):
            both = self._gradients_op(*ctx.saved_tensors, cotangent, ctx.settings, *ctx.choice)
            return (*both, None, None, None, None, None, None)
        wanted = zip(OPERANDS[ctx.slot], ctx.needs_input_grad)
        gradients = [solve(slot) if needed else None for slot, needed in wanted]
        return (*gradients, None, None, None, None, None, None)

    def _backward_of_gradients(
        self, ctx: Any, of_first: Tensor, of_second: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The two results are solutions of the form: each gradient is a sum of two others."""
        first, second, cotangent = ctx.saved_tensors

        def solve(slot: Slot, one: Tensor, other: Tensor) -> Tensor:
            return self._op(one, other, ctx.settings, slot.value, *ctx.choice)

        wanted = ctx.needs_input_grad
        return (
            solve(Slot.INPUT, cotangent, of_second) if wanted[0] else None,
            solve(Slot.KERNEL, of_first, cotangent) if wanted[1] else None,
            solve(Slot.OUTPUT, of_first, second) + solve(Slot.OUTPUT, first, of_second)
            if wanted[2]
            else None,
            None, None, None, None, None,
        )  # fmt: skip

    def _flop_of_gradients(
        self, first: Shape, second: Shape, cotangent: Shape, settings: Sequence[int], *_: Any, **__: Any
    ) -> int:
        return 2 * round(self.problem_of(Slot.OUTPUT, first, second, settings, torch.float32).flop)

    def _vmap_of_gradients(self, info: Any, in_dims: Any, *arguments: Any) -> Any:
        rows = [self._gradients_op(*at_index(arguments, in_dims, index)) for index in range(info.batch_size)]
        return tuple(torch.stack(column) for column in zip(*rows)), (0, 0)

    def _vmap(self, info: Any, in_dims: Any, first: Tensor, second: Tensor, *rest: Any) -> tuple[Tensor, int]:
        """One call for each mapped index: the two operands may be mapped apart."""
        arguments = (first, second, *rest)
        rows = [self._op(*at_index(arguments, in_dims, index)) for index in range(info.batch_size)]
        return torch.stack(rows), 0


def at_index(arguments: tuple[Any, ...], in_dims: Sequence[int | None], index: int) -> list[Any]:
    """The arguments with the mapped ones at an index."""
    return [
        argument if dim is None or not isinstance(argument, Tensor) else argument.select(dim, index)
        for argument, dim in zip(arguments, in_dims)
    ]


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


def _save_three(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    first, second, cotangent, ctx.settings, *ctx.choice = inputs
    ctx.save_for_backward(first, second, cotangent)
