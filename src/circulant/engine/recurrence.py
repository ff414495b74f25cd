"""The door to linear recurrences.

The recurrence solves a bidiagonal system that is linear in its input, and its adjoint is a recurrence
that runs backwards. The gradient for the factors is a product of the states and of the adjoint's
solution; the adjoint's is the same product with the two exchanged. So derivatives of every order are the
same two operators again.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.core.errors import ShapeError
from circulant.core.pairs import conjugate, times
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice
from circulant.engine.doors import require_same_kind, widest_under_autocast
from circulant.engine.execute import execute
from circulant.engine.trilinear import as_arguments, from_arguments
from circulant.engine.wishes import SCANS, current_among
from circulant.problems.recurrence import RecurrenceProblem


def linear_recurrence(
    a: Tensor, x: Tensor, initial_state: Tensor | None = None, *, choice: Choice = FREE
) -> Tensor:
    """All states h[l] = a[l] h[l-1] + x[l] of x (B, C, L), from initial_state (B, C) or zeros.

    a (B, C, L), or (C,) where it stays the same. Complex numbers are pairs in a last axis of 2, in all
    tensors or in none: x (B, C, L, 2). The last state is h[:, :, -1]; handed to the next call as its
    initial state it continues the recurrence. Under autocast the widest dtype given is kept.
    """
    (a, x), (initial_state,) = widest_under_autocast((a, x), (initial_state,))
    require_same_kind(("x", "a", "initial_state"), (x, a, initial_state))
    _require_shapes(a, x, initial_state)
    return _recur(a, x, initial_state, False, *as_arguments(choice.or_else(current_among(SCANS))))


def _require_shapes(a: Tensor, x: Tensor, initial_state: Tensor | None) -> None:
    pair = tuple(x.shape[3:])
    if x.ndim not in (3, 4) or pair not in ((), (2,)) or x.shape[2] == 0:
        raise ShapeError(
            f"expected x (B, C, L) or pairs (B, C, L, 2) of at least 1 step, got {tuple(x.shape)}"
        )
    if tuple(a.shape) not in (tuple(x.shape), (x.shape[1], *pair)):
        raise ShapeError(
            f"expected a of x's shape {tuple(x.shape)}, or {(x.shape[1], *pair)} if it does not vary, "
            f"got {tuple(a.shape)}"
        )
    wanted = (*x.shape[:2], *pair)
    if initial_state is not None and tuple(initial_state.shape) != wanted:
        raise ShapeError(f"expected initial_state {wanted}, got {tuple(initial_state.shape)}")


def problem_of(a: Shape, x: Shape, has_initial: bool, adjoint: bool, dtype: torch.dtype) -> RecurrenceProblem:
    batch, channels, length = x[:3]
    return RecurrenceProblem(
        dtype, batch, channels, length, len(a) == len(x), len(x) == 4, has_initial, adjoint
    )


@torch.library.custom_op("circulant::linear_recurrence", mutates_args=())
def _recur(
    a: Tensor,
    x: Tensor,
    initial_state: Tensor | None,
    adjoint: bool,
    algorithm: str | None,
    backend: str | None,
    workspace_limit: float | None,
    tolerance: float | None,
) -> Tensor:
    choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    given = () if initial_state is None else (initial_state,)
    problem = problem_of(tuple(a.shape), tuple(x.shape), bool(given), adjoint, x.dtype)
    return execute(problem, (a, x, *given), choice)


@_recur.register_fake
def _(a: Tensor, x: Tensor, *_: Any) -> Tensor:
    return x.new_empty(x.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    a, _, initial_state, ctx.adjoint, *ctx.choice = inputs
    ctx.save_for_backward(a, initial_state, output)


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
    """With h from x forwards and g from h's cotangent backwards: x has gradient g, a[l] conj(h[l-1]) g[l]."""
    a, initial_state, solved = ctx.saved_tensors
    dual = _recur(a, cotangent, None, not ctx.adjoint, *ctx.choice)
    states, pulled = (dual, solved) if ctx.adjoint else (solved, dual)
    is_complex, is_varying = states.ndim == 4, a.ndim == states.ndim
    a_gradient = initial_gradient = None
    if ctx.needs_input_grad[0]:
        a_gradient = _factor_gradient(states, pulled, initial_state, is_varying, is_complex)
    if ctx.needs_input_grad[2]:
        factor = a[:, :, 0] if is_varying else a.expand_as(states[:, :, 0])
        initial_gradient = _times_conjugate(factor, pulled[:, :, 0], is_complex)
    return (a_gradient, dual, initial_gradient, None, None, None, None, None)


def _factor_gradient(
    states: Tensor, pulled: Tensor, initial_state: Tensor | None, is_varying: bool, is_complex: bool
) -> Tensor:
    later = _times_conjugate(states[:, :, :-1], pulled[:, :, 1:], is_complex)
    if initial_state is None and not is_varying:
        return later.sum((0, 2))
    start = torch.zeros_like(states[:, :, 0]) if initial_state is None else initial_state
    first = _times_conjugate(start, pulled[:, :, 0], is_complex)
    if is_varying:
        return torch.cat([first[:, :, None], later], dim=2)
    return later.sum((0, 2)) + first.sum(0)


def _times_conjugate(left: Tensor, right: Tensor, is_complex: bool) -> Tensor:
    """conj(left) right."""
    return times(conjugate(left), right) if is_complex else left * right


def _vmap(info: Any, in_dims: Sequence[Any], *arguments: Any) -> tuple[Tensor, int]:
    """Mapped rows are a larger batch; factors that do not vary take a call each where they are mapped."""
    a, x, initial_state, *rest = arguments
    if in_dims[0] is None and a.ndim < x.ndim - (in_dims[1] is not None):
        rows = _mapped(x, in_dims[1], info.batch_size)
        start = None if initial_state is None else _mapped(initial_state, in_dims[2], info.batch_size)
        folded = _recur(a, rows.flatten(0, 1), None if start is None else start.flatten(0, 1), *rest)
        return folded.unflatten(0, rows.shape[:2]), 0
    single = [
        _recur(
            *(
                tensor if axis is None else tensor.select(axis, index)
                for tensor, axis in zip(arguments[:3], in_dims)
            ),
            *rest,
        )
        for index in range(info.batch_size)
    ]
    return torch.stack(single), 0


def _mapped(tensor: Tensor, axis: int | None, size: int) -> Tensor:
    return tensor.expand(size, *tensor.shape) if axis is None else tensor.movedim(axis, 0)


_recur.register_autograd(_backward, setup_context=_save)
_recur.register_vmap(_vmap)


@register_flop_formula(torch.ops.circulant.linear_recurrence)
def _flop(a: Shape, x: Shape, initial_state: Shape | None, adjoint: bool, *_: Any, **__: Any) -> int:
    return round(problem_of(tuple(a), tuple(x), initial_state is not None, adjoint, torch.float32).flop)
