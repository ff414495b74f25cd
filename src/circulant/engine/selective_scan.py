"""The door to selective scans.

One operator computes outputs and the last state, a second all gradients at once: both go through the
states of all steps, which are never written out. The second's own derivatives are those of plain torch
code, so that every order is there; they do take the memory of the states.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.backends.torch.selective_scan import outputs
from circulant.core.errors import ShapeError
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice
from circulant.engine.doors import require_same_kind, widest_under_autocast
from circulant.engine.execute import execute
from circulant.engine.trilinear import as_arguments, from_arguments
from circulant.engine.wishes import SCANS, current_among
from circulant.problems.selective_scan import SelectiveScanProblem

OPERANDS = 6  # u, delta, A, B, C, initial state


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    *,
    initial_state: Tensor | None = None,
    choice: Choice = FREE,
) -> tuple[Tensor, Tensor]:
    """y (B, C, L) and the last state (B, C, N) of u and delta (B, C, L), A (C, N), B and C (B, G, N, L).

    y = silu(z) (scan + D u) with D (C,) and z (B, C, L), both optional; delta_bias (C,) is added to delta,
    and delta_softplus keeps the sum positive. B and C may be (B, N, L) for one group. A and states are in
    float32 at least, whatever the dtype of the rest.
    """
    B, C = (shared[:, None] if shared.ndim == 3 else shared for shared in (B, C))
    (u, delta, B, C), (D, z, delta_bias) = widest_under_autocast((u, delta, B, C), (D, z, delta_bias))
    require_same_kind(("u", "delta", "B", "C", "D", "z", "delta_bias"), (u, delta, B, C, D, z, delta_bias))
    precise = torch.promote_types(u.dtype, torch.float32)
    state = u.new_zeros(*u.shape[:2], *A.shape[1:]) if initial_state is None else initial_state
    A, state = A.to(precise), state.to(precise)
    _require_shapes(u, delta, A, B, C, state)
    _require_channels(u, {"D": D, "delta_bias": delta_bias})
    if delta_bias is not None:
        delta = delta + delta_bias[:, None]
    if delta_softplus:
        delta = F.softplus(delta)
    y, last = _scan(u, delta, A, B, C, state, *as_arguments(choice.or_else(current_among(SCANS))))
    if D is not None:
        y = y + D[:, None] * u
    return y if z is None else y * F.silu(z), last


def _require_shapes(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor) -> None:
    if u.ndim != 3 or delta.shape != u.shape or u.shape[2] == 0:
        raise ShapeError(
            "expected u and delta (B, C, L) with L of at least 1, "
            f"got {tuple(u.shape)} and {tuple(delta.shape)}"
        )
    if A.ndim != 2 or A.shape[0] != u.shape[1]:
        raise ShapeError(f"expected A (C, N) with C = {u.shape[1]}, got {tuple(A.shape)}")
    groups = B.shape[1] if B.ndim == 4 else 0
    wanted = (u.shape[0], groups, A.shape[1], u.shape[2])
    if groups < 1 or u.shape[1] % groups or tuple(B.shape) != wanted or C.shape != B.shape:
        raise ShapeError(
            f"expected B and C (B, G, N, L) = ({u.shape[0]}, G, {A.shape[1]}, {u.shape[2]}) with G "
            f"a divisor of C = {u.shape[1]}, got {tuple(B.shape)} and {tuple(C.shape)}"
        )
    if tuple(state.shape) != (*u.shape[:2], A.shape[1]):
        raise ShapeError(f"expected initial_state {(*u.shape[:2], A.shape[1])}, got {tuple(state.shape)}")


def _require_channels(u: Tensor, optional: dict[str, Tensor | None]) -> None:
    for name, tensor in optional.items():
        if tensor is not None and tuple(tensor.shape) != (u.shape[1],):
            raise ShapeError(f"expected {name} (C,) with C = {u.shape[1]}, got {tuple(tensor.shape)}")


def problem_of(shapes: Sequence[Shape], gradients: bool, dtype: torch.dtype) -> SelectiveScanProblem:
    """shapes: of u, delta, A, B, ..."""
    batch, channels, length = shapes[0]
    return SelectiveScanProblem(dtype, batch, channels, shapes[3][1], shapes[2][1], length, gradients)


def _problem_for(operands: Sequence[Tensor], gradients: bool) -> SelectiveScanProblem:
    return problem_of([tuple(t.shape) for t in operands[:4]], gradients, operands[0].dtype)


@torch.library.custom_op("circulant::selective_scan", mutates_args=())
def _scan(
    u: Tensor,
    delta: Tensor,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    initial: Tensor,
    algorithm: str | None,
    backend: str | None,
    workspace_limit: float | None,
    tolerance: float | None,
) -> tuple[Tensor, Tensor]:
    choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    operands = (u, delta, a, b, c, initial)
    problem = _problem_for(operands, False)
    y, last = problem.split(execute(problem, operands, choice))
    return y.to(u.dtype), last.to(a.dtype, copy=True)  # a copy: results of an operator share no memory


@_scan.register_fake
def _(
    u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, initial: Tensor, *_: Any
) -> tuple[Tensor, Tensor]:
    return u.new_empty(u.shape), a.new_empty(initial.shape)


@torch.library.custom_op("circulant::selective_scan_gradients", mutates_args=())
def _gradients(
    operands: Sequence[Tensor],
    algorithm: str | None,
    backend: str | None,
    workspace_limit: float | None,
    tolerance: float | None,
) -> Tensor:
    """All gradients one behind another, as the problem lays them out, in A's dtype."""
    choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    return execute(_problem_for(operands, True), tuple(operands), choice).to(operands[2].dtype)


@_gradients.register_fake
def _(operands: Sequence[Tensor], *_: Any) -> Tensor:
    return operands[2].new_empty(_problem_for(operands, True).result_shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *operands, ctx.algorithm, ctx.backend, ctx.workspace_limit, ctx.tolerance = inputs
    ctx.save_for_backward(*operands)


def _backward(ctx: Any, y_cotangent: Tensor, state_cotangent: Tensor) -> tuple[Tensor | None, ...]:
    operands = ctx.saved_tensors
    wide = operands[2].dtype
    limits = (ctx.algorithm, ctx.backend, ctx.workspace_limit, ctx.tolerance)
    flat = _gradients([*operands, y_cotangent.to(wide), state_cotangent.to(wide)], *limits)
    parts = _problem_for(operands, True).split(flat)
    gradients = [part.to(operand.dtype) for part, operand in zip(parts, operands)]
    gradients[2] = gradients[2].clone()  # a parameter's gradient must not keep those of the inputs in memory
    return (*gradients, None, None, None, None)


def _save_gradients(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    operands, *_ = inputs
    ctx.save_for_backward(*operands)


def _backward_of_gradients(ctx: Any, cotangent: Tensor) -> tuple[Any, ...]:
    """By torch's own differentiation of the scan in torch, twice."""
    operands = ctx.saved_tensors
    problem = _problem_for(operands, False)

    def flat_gradients(*values: Tensor) -> Tensor:
        def forward(*inner: Tensor) -> tuple[Tensor, Tensor]:
            return outputs(problem, *inner)

        pulled: Any = torch.func.vjp(forward, *values[:OPERANDS])
        return torch.cat([gradient.flatten() for gradient in pulled[1](values[OPERANDS:])])

    wide = [operand.to(cotangent.dtype) for operand in operands]
    pulled: Any = torch.func.vjp(flat_gradients, *wide)
    gradients = pulled[1](cotangent)
    return ([g.to(operand.dtype) for g, operand in zip(gradients, operands)], None, None, None, None)


def _vmap(
    info: Any, in_dims: Sequence[Any], *arguments: Any
) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
    """One call for each mapped index: operands may be mapped apart."""
    operands, rest = arguments[:OPERANDS], arguments[OPERANDS:]
    results = [_scan(*_at(operands, in_dims, index), *rest) for index in range(info.batch_size)]
    y, last = zip(*results)
    return (torch.stack(y), torch.stack(last)), (0, 0)


def _vmap_gradients(
    info: Any, in_dims: Sequence[Any], operands: Sequence[Tensor], *rest: Any
) -> tuple[Tensor, int]:
    results = [_gradients(_at(operands, in_dims[0], index), *rest) for index in range(info.batch_size)]
    return torch.stack(results), 0


def _at(operands: Sequence[Tensor], axes: Sequence[int | None], index: int) -> list[Tensor]:
    return [x if axis is None else x.select(axis, index) for x, axis in zip(operands, axes)]


_scan.register_autograd(_backward, setup_context=_save)
_scan.register_vmap(_vmap)
_gradients.register_autograd(_backward_of_gradients, setup_context=_save_gradients)
_gradients.register_vmap(_vmap_gradients)


@register_flop_formula(torch.ops.circulant.selective_scan)
def _flop(*shapes: Any, **__: Any) -> int:
    return round(problem_of(shapes[:4], False, torch.float32).flop)


@register_flop_formula(torch.ops.circulant.selective_scan_gradients)
def _gradients_flop(operands: Sequence[Shape], *_: Any, **__: Any) -> int:
    return round(problem_of(operands[:4], True, torch.float32).flop)
