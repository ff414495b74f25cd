"""The door to gathered convolution, whose outputs name their neighbours.

The list of neighbours is an operand, but whole numbers have no derivative: the operator is trilinear in
input, kernel and output gradient, as the others are, with the list beside them.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.core.errors import DeviceError, DtypeError, ShapeError
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import autocast_operand, require_same_kind
from circulant.engine.execute import execute
from circulant.engine.trilinear import as_arguments, from_arguments
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.trilinear import OPERANDS, Slot

TENSORS = 3  # two operands and the index


def gathered_conv(
    x: Tensor, weight: Tensor, index: Tensor, *, groups: int = 1, choice: Choice = FREE
) -> Tensor:
    """x (B, I, N), weight (O, I / groups, M), index (P, M), -1 for no neighbour -> (B, O, P)."""
    x, weight = autocast_operand(x), autocast_operand(weight)
    require_same_kind(("x", "weight"), (x, weight))
    _require_fitting(x, weight, index, groups)
    settings = [x.shape[1], weight.shape[0], x.shape[2], groups]
    arguments = as_arguments(choice.or_else(current()))
    return _gather(x, weight, index, settings, Slot.OUTPUT.value, *arguments)


def _require_fitting(x: Tensor, weight: Tensor, index: Tensor, groups: int) -> None:
    if index.dtype != torch.int64:
        raise DtypeError(f"expected index of dtype torch.int64, got {index.dtype}; convert it with .long()")
    if index.device != x.device:
        raise DeviceError(f"expected index on x's device {x.device}, got {index.device}; move one")
    if x.ndim != 3 or weight.ndim != 3 or index.ndim != 2 or weight.shape[2] != index.shape[1]:
        raise ShapeError(
            f"expected x (B, I, N), weight (O, I / groups, M) and index (P, M), got {tuple(x.shape)}, "
            f"{tuple(weight.shape)} and {tuple(index.shape)}; flatten spatial axes into N"
        )
    if groups < 1 or weight.shape[0] % groups or x.shape[1] != groups * weight.shape[1]:
        raise ShapeError(
            f"expected weight (O, I / groups, M) with I = {x.shape[1]} and groups = {groups} a divisor of O, "
            f"got {tuple(weight.shape)}; change groups or the weight"
        )


def _problem_of(
    slot: Slot, first: Shape, index: Shape, settings: Sequence[int], dtype: torch.dtype
) -> GatheredConvProblem:
    """settings: input channels, output channels, places, groups."""
    ins, outs, places, groups = settings
    return GatheredConvProblem(dtype, slot, first[0], ins, outs, places, index[0], index[1], groups)


@torch.library.custom_op("circulant::gathered_conv", mutates_args=())
def _gather(
    first: Tensor,
    second: Tensor,
    index: Tensor,
    settings: Sequence[int],
    slot: str,
    algorithm: str | None,
    backend: str | None,
    workspace_limit: float | None,
    tolerance: float | None,
) -> Tensor:
    problem = _problem_of(Slot(slot), tuple(first.shape), tuple(index.shape), settings, first.dtype)
    if index.numel() > 0:
        problem.require_index(index)
    choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    return execute(problem, (first, second, index), choice)


@_gather.register_fake
def _(first: Tensor, second: Tensor, index: Tensor, settings: Sequence[int], slot: str, *_: Any) -> Tensor:
    problem = _problem_of(Slot(slot), tuple(first.shape), tuple(index.shape), settings, first.dtype)
    return first.new_empty(problem.result_shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    first, second, index, ctx.settings, slot, *ctx.choice = inputs
    ctx.slot = Slot(slot)
    ctx.save_for_backward(first, second, index)


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
    """The same form, solved for each operand with the cotangent in the place of the result."""
    *operands, index = ctx.saved_tensors
    values = {**dict(zip(OPERANDS[ctx.slot], operands)), ctx.slot: cotangent}

    def solve(slot: Slot) -> Tensor:
        first, second = (values[operand] for operand in OPERANDS[slot])
        return _gather(first, second, index, ctx.settings, slot.value, *ctx.choice)

    wanted = zip(OPERANDS[ctx.slot], ctx.needs_input_grad)
    gradients = [solve(slot) if needed else None for slot, needed in wanted]
    return (*gradients, None, None, None, None, None, None, None)


def _vmap(info: Any, in_dims: Any, *arguments: Any) -> tuple[Tensor, int]:
    """One call for each mapped index: the operands may be mapped apart."""
    tensors, rest = arguments[:TENSORS], arguments[TENSORS:]
    rows = []
    for index in range(info.batch_size):
        pairs = zip(tensors, in_dims)
        rows.append(_gather(*(x if axis is None else x.select(axis, index) for x, axis in pairs), *rest))
    return torch.stack(rows), 0


_gather.register_autograd(_backward, setup_context=_save)
_gather.register_vmap(_vmap)


@register_flop_formula(torch.ops.circulant.gathered_conv)
def _flop(
    first: Shape, second: Shape, index: Shape, settings: Sequence[int], slot: str, *_: Any, **__: Any
) -> int:
    return round(_problem_of(Slot(slot), first, index, settings, torch.float32).flop)
