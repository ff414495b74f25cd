"""The door to linear attention.

Attention is linear in each of q, k and v. Its gradients are attention again: that of the queries with
keys and values exchanged, so that a decay of key channels becomes one of value channels, and those of
keys and values in reversed time. The decay's is a sum over later steps of differences of products that
these gradients give. So derivatives of every order are one operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.core.errors import ShapeError
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import require_same_kind, widest_under_autocast
from circulant.engine.execute import execute, without_autocast
from circulant.engine.trilinear import as_arguments, at_index, from_arguments
from circulant.problems.linear_attention import Decay, LinearAttentionProblem

TENSORS = 5  # q, k, v, log decay, initial state


def linear_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor | None = None,
    initial_state: Tensor | None = None,
    *,
    choice: Choice = FREE,
) -> Tensor:
    """y (B, H, L, E): y[t] = S[t]^T q[t] with S[t] = exp(log_decay[t]) S[t-1] + k[t] v[t]^T.

    q, k (B, H, L, D), v (B, H, L, E), the states (B, H, D, E), from initial_state or 0. log_decay, at most
    0 and -inf allowed: (H,), (B, H, L), or (B, H, L, D) for each row of the state; None for 0. It and the
    states are in float32 at least. Nothing is scaled. Under autocast the widest dtype given is kept.
    """
    (q, k, v), log_decay, initial_state = prepared(("q", "k", "v"), (q, k, v), log_decay, initial_state)
    wishes = as_arguments(choice.or_else(current()))
    return attend(q, k, v, log_decay, initial_state, False, False, False, *wishes)


def linear_attention_state(
    k: Tensor, v: Tensor, log_decay: Tensor | None = None, initial_state: Tensor | None = None
) -> Tensor:
    """The state (B, H, D, E) after the last step, to be the initial state of what follows.

    In the dtype of initial_state, without one in that of v, float32 at least.
    """
    dtype = torch.promote_types(v.dtype, torch.float32) if initial_state is None else initial_state.dtype
    (_, k, v), log_decay, initial_state = prepared(("k", "k", "v"), (k, k, v), log_decay, initial_state)
    state = summed_products(k, v, _until_end(log_decay, k.shape[2]))
    if initial_state is not None:
        left = _since_start(log_decay, k.shape[2])
        kept = 1.0 if left is None else torch.exp(left[:, :, -1, :, None])
        state = state + kept * initial_state
    return state.to(dtype)


def prepared(
    names: Sequence[str], always: Sequence[Tensor], log_decay: Tensor | None, initial: Tensor | None
) -> tuple[tuple[Tensor, ...], Tensor | None, Tensor | None]:
    """The operands in the dtypes of the computation, once they are known to fit."""
    always, _ = widest_under_autocast(always)
    require_same_kind(names, always)
    _require_shapes(names, always, log_decay, initial)
    precise = torch.promote_types(always[0].dtype, torch.float32)
    log_decay, initial = (None if tensor is None else tensor.to(precise) for tensor in (log_decay, initial))
    require_same_kind((names[0], "log_decay", "initial_state"), (always[0].to(precise), log_decay, initial))
    return tuple(always), log_decay, initial


def _require_shapes(
    names: Sequence[str], always: Sequence[Tensor], log_decay: Tensor | None, initial: Tensor | None
) -> None:
    q, k, v = always
    if k.ndim != 4 or q.shape != k.shape or v.ndim != 4 or v.shape[:3] != k.shape[:3]:
        shapes = ", ".join(f"{name} {tuple(t.shape)}" for name, t in zip(names, always))
        raise ShapeError(
            f"expected {names[0]} and {names[1]} (B, H, L, D) and {names[2]} (B, H, L, E), got {shapes}"
        )
    batch, heads, length, keys = k.shape
    if length == 0 or keys == 0:
        raise ShapeError(f"expected at least 1 step and 1 channel, got {names[1]} {tuple(k.shape)}")
    wanted = ((heads,), (batch, heads, length), (batch, heads, length, keys))
    if log_decay is not None and tuple(log_decay.shape) not in wanted:
        raise ShapeError(
            f"expected log_decay (H,), (B, H, L) or (B, H, L, D), one of {wanted}, "
            f"got {tuple(log_decay.shape)}"
        )
    state = (batch, heads, keys, v.shape[3])
    if initial is not None and tuple(initial.shape) != state:
        raise ShapeError(f"expected initial_state (B, H, D, E) = {state}, got {tuple(initial.shape)}")


def decay_of(axes: int | None, on_values: bool) -> Decay:
    """By the number of axes of the log decay."""
    vector = Decay.VALUE if on_values else Decay.KEY
    return {None: Decay.NONE, 1: Decay.HEAD, 3: Decay.STEP, 4: vector}[axes]


def problem_of(
    q: Shape, values: int, decay: Decay, has_initial: bool, strict: bool, reverse: bool, dtype: torch.dtype
) -> LinearAttentionProblem:
    batch, heads, length, keys = q
    return LinearAttentionProblem(
        dtype, batch, heads, length, keys, values, decay, has_initial, strict, reverse
    )


@torch.library.custom_op("circulant::linear_attention", mutates_args=())
def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor | None,
    initial: Tensor | None,
    on_values: bool,
    strict: bool,
    reverse: bool,
    algorithm: str | None,
    backend: str | None,
    workspace_limit: float | None,
    tolerance: float | None,
) -> Tensor:
    choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    given = tuple(tensor for tensor in (log_decay, initial) if tensor is not None)
    decay = decay_of(None if log_decay is None else log_decay.ndim, on_values)
    problem = problem_of(tuple(q.shape), v.shape[3], decay, initial is not None, strict, reverse, v.dtype)
    return execute(problem, (q, k, v, *given), choice)


@attend.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, *_: Any) -> Tensor:
    return v.new_empty(v.shape)


@final
@dataclass(frozen=True, slots=True)
class Call:
    """What an operator was called with; its gradients for a cotangent of y."""

    q: Tensor
    k: Tensor
    v: Tensor
    log_decay: Tensor | None
    initial: Tensor | None
    on_values: bool
    strict: bool
    reverse: bool
    choice: Sequence[Any]

    def of_q(self, cotangent: Tensor) -> Tensor:
        start = None if self.initial is None else self.initial.mT
        return self._attend(cotangent, self.v, self.k, start, not self.on_values, self.reverse)

    def of_k(self, cotangent: Tensor) -> Tensor:
        return self._attend(self.v, cotangent, self.q, None, not self.on_values, not self.reverse)

    def of_v(self, cotangent: Tensor) -> Tensor:
        return self._attend(self.k, self.q, cotangent, None, self.on_values, not self.reverse)

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, start: Tensor | None, on_values: bool, reverse: bool
    ) -> Tensor:
        return attend(q, k, v, self.log_decay, start, on_values, self.strict, reverse, *self.choice)

    def gradients(self, cotangent: Tensor, needs: Sequence[bool]) -> list[Tensor | None]:
        """Those needed of q, k, v and the initial state; with a gap for the decay's."""
        return [
            self.of_q(cotangent) if needs[0] else None,
            self.of_k(cotangent) if needs[1] else None,
            self.of_v(cotangent) if needs[2] else None,
            None,
            initial_gradient(self.q, cotangent, self.log_decay, self.on_values) if needs[4] else None,
        ]

    def gradients_and_decay(
        self, cotangent: Tensor, needs: Sequence[bool], y: Tensor | None
    ) -> list[Tensor | None]:
        """y: the result, where the decay is that of value channels."""
        assert self.log_decay is not None
        if y is not None:
            found = self.gradients(cotangent, (*needs[:2], False, False, needs[4]))
            by_v = self.of_v(cotangent)
            found[2:4] = by_v, decay_gradient(y * cotangent, self.v * by_v, self.log_decay, self.reverse)
            return found
        # a step's own product does not fade: it would only have to cancel in the difference
        strict = replace(self, strict=True)
        by_q, by_k = strict.of_q(cotangent), strict.of_k(cotangent)
        found = self.gradients(cotangent, (False, False, needs[2], False, needs[4]))
        found[3] = decay_gradient(self.q * by_q, self.k * by_k, self.log_decay, self.reverse)
        own = 0.0 if self.strict else (cotangent * self.v).sum(-1, keepdim=True)
        found[:2] = by_q + own * self.k, by_k + own * self.q
        return found


def decay_gradient(reads: Tensor, writes: Tensor, log_decay: Tensor, reverse: bool) -> Tensor:
    """From products (B, H, L, channels) of what reads, and of what is written, with its gradient.

    A step's decay is in all terms that are read there or later, but for those written there or later;
    in reversed time the other way round. What is written and read again later cancels in the sum, which is
    taken in float64 for one decay of a step.
    """
    terms = writes - reads if reverse else reads - writes
    sums = terms if log_decay.ndim == 4 else terms.sum(-1, dtype=torch.float64)
    found = sums.flip(2).cumsum(2).flip(2)
    return (found.sum((0, 2)) if log_decay.ndim == 1 else found).to(terms.dtype)


def initial_gradient(q: Tensor, cotangent: Tensor, log_decay: Tensor | None, on_values: bool) -> Tensor:
    """The sum of q cotangent^T over all steps, each faded since the start: (B, H, D, E)."""
    left = _since_start(log_decay, q.shape[2])
    if on_values and log_decay is not None and log_decay.ndim == 4:
        return summed_products(cotangent, q, left).mT
    return summed_products(q, cotangent, left)


def summed_products(k: Tensor, v: Tensor, left: Tensor | None) -> Tensor:
    """The sum of exp(left) k v^T over the steps of k (B, H, L, D) and v (B, H, L, E), wide."""
    k, v = widened(k), widened(v)
    with without_autocast(v.device.type):
        return (k if left is None else k * torch.exp(left)).mT @ v


def widened(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _per_step(log_decay: Tensor, length: int) -> Tensor:
    """(1 or B, H, L, 1 or channels)"""
    if log_decay.ndim == 1:
        return log_decay[None, :, None, None].expand(1, -1, length, 1)
    return log_decay if log_decay.ndim == 4 else log_decay[..., None]


def _since_start(log_decay: Tensor | None, length: int) -> Tensor | None:
    """The logarithm of what is left at each step of the initial state."""
    return None if log_decay is None else _per_step(log_decay, length).cumsum(2)


def _until_end(log_decay: Tensor | None, length: int) -> Tensor | None:
    """The logarithm of what is left after the last step of what each step wrote."""
    if log_decay is None:
        return None
    later = F.pad(_per_step(log_decay, length)[:, :, 1:], (0, 0, 0, 1))
    return later.flip(2).cumsum(2).flip(2)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    q, k, v, log_decay, initial, ctx.on_values, ctx.strict, ctx.reverse, *ctx.choice = inputs
    by_values = ctx.on_values and log_decay is not None and log_decay.ndim == 4
    ctx.save_for_backward(q, k, v, log_decay, initial, output if by_values else None)


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
    q, k, v, log_decay, initial, y = ctx.saved_tensors
    needs = ctx.needs_input_grad[:TENSORS]
    dtypes = [None if operand is None else operand.dtype for operand in (q, k, v, log_decay, initial)]
    if needs[3]:
        q, k, v, cotangent = (widened(tensor) for tensor in (q, k, v, cotangent))
    call = Call(q, k, v, log_decay, initial, ctx.on_values, ctx.strict, ctx.reverse, ctx.choice)
    found = call.gradients_and_decay(cotangent, needs, y) if needs[3] else call.gradients(cotangent, needs)
    gradients = [None if g is None else g.to(dtype) for g, dtype in zip(found, dtypes)]
    return (*gradients, None, None, None, None, None, None, None)


def _vmap(info: Any, in_dims: Sequence[Any], *arguments: Any) -> tuple[Tensor, int]:
    return folded(attend, info.batch_size, in_dims, arguments)


def folded(op: Any, size: int, in_dims: Sequence[Any], arguments: Sequence[Any]) -> tuple[Tensor, int]:
    """Mapped tensors are a larger batch; mapped decays of heads take a call each."""
    decay, axis = arguments[3], in_dims[3]
    of_heads = decay is not None and decay.ndim - (axis is not None) == 1
    if of_heads and axis is not None:
        return torch.stack([op(*at_index(tuple(arguments), in_dims, index)) for index in range(size)]), 0
    rows = [
        tensor
        if tensor is None or (place == 3 and of_heads)
        else (tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)).flatten(0, 1)
        for place, (tensor, dim) in enumerate(zip(arguments[:TENSORS], in_dims))
    ]
    return op(*rows, *arguments[TENSORS:]).unflatten(0, (size, -1)), 0


attend.register_autograd(_backward, setup_context=_save)
attend.register_vmap(_vmap)


@register_flop_formula(torch.ops.circulant.linear_attention)
def _flop(q: Shape, k: Shape, v: Shape, *_: Any, **__: Any) -> int:
    return round(problem_of(tuple(q), v[3], Decay.NONE, False, False, False, torch.float32).flop)
