"""The door to the delta rule: linear attention that replaces what its memory held for a key.

What each step writes is the solution of a unit triangular system, and is then attended to as a value.
The solve is linear in its right side, and its adjoint is the solve in reversed time; the gradients for
the keys on its two sides are minus those of strict linear attention at the two solutions. So derivatives
of every order are this solve and linear attention.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.core.errors import ShapeError
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import require_same_kind, widest_under_autocast
from circulant.engine.execute import execute
from circulant.engine.linear_attention import (
    Call,
    attend,
    decay_of,
    folded,
    linear_attention_state,
    prepared,
    widened,
)
from circulant.engine.trilinear import as_arguments, from_arguments
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.linear_attention import Decay


def delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    log_decay: Tensor | None = None,
    initial_state: Tensor | None = None,
    *,
    choice: Choice = FREE,
) -> Tensor:
    """y (B, H, L, E): y[t] = S[t]^T q[t], where S fades and then takes v for k in the proportion beta:

    S <- exp(log_decay[t]) S, then S <- S + k[t] (beta[t] (v[t] - S^T k[t]))^T. beta (B, H, L); the rest as
    for `linear_attention`. For the memory to stay bounded k must have norm 1, or less, and beta be
    between 0 and 2.
    """
    (q, k, v, beta), log_decay, initial_state = _prepared((q, k, v, beta), log_decay, initial_state)
    wishes = as_arguments(choice.or_else(current()))
    new = _written(k, v, beta, log_decay, initial_state, wishes)
    return attend(q, k, new, log_decay, initial_state, False, False, False, *wishes)


def delta_rule_state(
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    log_decay: Tensor | None = None,
    initial_state: Tensor | None = None,
    *,
    choice: Choice = FREE,
) -> Tensor:
    """The state (B, H, D, E) after the last step, as `linear_attention_state` gives it."""
    start = initial_state
    (_, k, v, beta), log_decay, initial_state = _prepared((k, k, v, beta), log_decay, initial_state)
    new = _written(k, v, beta, log_decay, initial_state, as_arguments(choice.or_else(current())))
    return linear_attention_state(k, new, log_decay, start)


def _written(
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    log_decay: Tensor | None,
    initial: Tensor | None,
    wishes: Sequence[Any],
) -> Tensor:
    """(B, H, L, E), what each step adds along its key."""
    return solve(beta[..., None] * k, k, beta[..., None] * v, log_decay, initial, False, *wishes)


def _prepared(
    tensors: Sequence[Tensor], log_decay: Tensor | None, initial: Tensor | None
) -> tuple[tuple[Tensor, ...], Tensor | None, Tensor | None]:
    (q, k, v, beta), _ = widest_under_autocast(tensors)
    require_same_kind(("q", "beta"), (q, beta))
    always, log_decay, initial = prepared(("q", "k", "v"), (q, k, v), log_decay, initial)
    if beta.shape != k.shape[:3]:
        raise ShapeError(f"expected beta (B, H, L) = {tuple(k.shape[:3])}, got {tuple(beta.shape)}")
    return (*always, beta), log_decay, initial


def problem_of(
    k: Shape, values: int, decay: Decay, has_initial: bool, reverse: bool, dtype: torch.dtype
) -> DeltaSolveProblem:
    batch, heads, length, keys = k
    return DeltaSolveProblem(dtype, batch, heads, length, keys, values, decay, has_initial, reverse)


@torch.library.custom_op("circulant::delta_solve", mutates_args=())
def solve(
    left: Tensor,
    k: Tensor,
    right: Tensor,
    log_decay: Tensor | None,
    initial: Tensor | None,
    reverse: bool,
    algorithm: str | None,
    backend: str | None,
    workspace_limit: float | None,
    tolerance: float | None,
) -> Tensor:
    choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    given = tuple(tensor for tensor in (log_decay, initial) if tensor is not None)
    decay = decay_of(None if log_decay is None else log_decay.ndim, False)
    problem = problem_of(tuple(k.shape), right.shape[3], decay, initial is not None, reverse, right.dtype)
    return execute(problem, (left, k, right, *given), choice)


@solve.register_fake
def _(left: Tensor, k: Tensor, right: Tensor, *_: Any) -> Tensor:
    return right.new_empty(right.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    left, k, _, log_decay, initial, ctx.reverse, *ctx.choice = inputs
    ctx.save_for_backward(left, k, log_decay, initial, output)


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
    """With (1 + A(p, k)) x = r and (1 + A)^T z = x's cotangent: r has gradient z, A has -z x^T."""
    left, k, log_decay, initial, x = ctx.saved_tensors
    needs, kept, kept_decay = ctx.needs_input_grad, x.dtype, None if log_decay is None else log_decay.dtype
    if needs[3]:
        left, k, x, cotangent = (widened(tensor) for tensor in (left, k, x, cotangent))
    z = solve(k, left, cotangent, log_decay, None, not ctx.reverse, *ctx.choice)
    attention = Call(left, k, x, log_decay, initial, False, True, ctx.reverse, ctx.choice)
    if needs[3]:
        found = attention.gradients_and_decay(z, (True, True, False, True, needs[4]), None)
    else:
        found = attention.gradients(z, (needs[0], needs[1], False, False, needs[4]))
    dtypes = (kept, kept, kept, kept_decay, None if initial is None else initial.dtype)
    gradients = [None if g is None else -g.to(dtype) for g, dtype in zip(found, dtypes)]
    gradients[2] = z.to(kept)
    return (*gradients, None, None, None, None, None)


def _vmap(info: Any, in_dims: Sequence[Any], *arguments: Any) -> tuple[Tensor, int]:
    return folded(solve, info.batch_size, in_dims, arguments)


solve.register_autograd(_backward, setup_context=_save)
solve.register_vmap(_vmap)


@register_flop_formula(torch.ops.circulant.delta_solve)
def _flop(left: Shape, k: Shape, right: Shape, *_: Any, **__: Any) -> int:
    return round(problem_of(tuple(k), right[3], Decay.NONE, False, False, torch.float32).flop)
