"""The door to sampled (deformable) convolution.

Sampling is not linear in its places, so its derivatives are not problems of the same kind. The
operator takes an order: order 0 solves the problem, order 1 the problem of its gradients, which lie in
one row of numbers, and order n + 1 pulls cotangents back through order n by differentiable code of torch.
Compilers see one node for each, with any sizes, whatever it takes to compute.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.backends.table import Backend
from circulant.core.errors import NoPlanError, ShapeError
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import autocast_operand, require_same_kind
from circulant.engine.execute import execute
from circulant.engine.trilinear import as_arguments, from_arguments
from circulant.problems.convolution import ConvolutionProblem, Padding
from circulant.problems.sampled_conv import SampledConvProblem
from circulant.problems.trilinear import Slot

OPERANDS = 3  # x, offset, modulation


def sampled_conv(
    x: Tensor,
    offset: Tensor,
    modulation: Tensor,
    kernel: Shape,
    *,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    choice: Choice = FREE,
) -> Tensor:
    """x (B, C, *spatial), offset (B, G, taps, ndim, *out), modulation (B, G, taps, *out) -> (B, C, *out).

    offset in samples; groups of C / G channels share their places and weights.
    """
    x, offset, modulation = autocast_operand(x), autocast_operand(offset), autocast_operand(modulation)
    require_same_kind(("x", "offset", "modulation"), (x, offset, modulation))
    before, after = zip(*padding)
    groups = modulation.shape[1]
    settings = [*kernel, *stride, *before, *after, *dilation, groups]
    problem = _problem_of(tuple(x.shape), settings, x.dtype)
    _, offsets, modulations = problem.operand_shapes
    if x.shape[1] % groups or offset.shape != offsets or modulation.shape != modulations:
        raise ShapeError(
            f"expected offset (B, G, taps, ndim, *out) = {offsets} and modulation (B, G, taps, *out) = "
            f"{modulations} with G a divisor of C = {x.shape[1]}, got {tuple(offset.shape)} and "
            f"{tuple(modulation.shape)}"
        )
    arguments = as_arguments(choice.or_else(current()))
    (y,) = _sample([x, offset, modulation], settings, 0, *arguments)
    return y


def _problem_of(shape: Shape, settings: Sequence[int], dtype: torch.dtype) -> SampledConvProblem:
    """settings: kernel, stride, before, after, dilation (ndim each), then groups."""
    batch, channels, *spatial = shape
    ndim = len(spatial)
    kernel, stride, before, after, dilation = (tuple(settings[i * ndim : (i + 1) * ndim]) for i in range(5))
    window = ConvolutionProblem(
        dtype, Slot.OUTPUT, batch, channels, channels, tuple(spatial), kernel, stride,
        tuple(zip(before, after)), dilation, channels,
    )  # fmt: skip
    return SampledConvProblem(dtype, settings[-1], window)


def _operand_count(order: int) -> int:
    return OPERANDS if order == 0 else _operand_count(order - 1) + _result_count(order - 1)


def _result_count(order: int) -> int:
    return 1 if order < 2 else _operand_count(order - 1)


def _solve(
    operands: tuple[Tensor, ...], settings: Sequence[int], order: int, choice: Choice
) -> tuple[Tensor, ...]:
    """Operands of an order: those of the order below, then a cotangent for each of its results."""
    if order < 2:
        x = operands[0]
        problem = _problem_of(tuple(x.shape), settings, x.dtype)
        return (execute(problem.gradients() if order else problem, operands, choice),)
    held = _operand_count(order - 1)
    differentiable = _differentiable(choice)

    def below(*inner: Tensor) -> tuple[Tensor, ...]:
        return _solve(inner, settings, order - 1, differentiable)

    pulled: Any = torch.func.vjp(below, *operands[:held])
    gradients = pulled[1](operands[held:])
    return tuple(gradient.clone(memory_format=torch.contiguous_format) for gradient in gradients)


def _differentiable(choice: Choice) -> Choice:
    """The same choice among implementations that torch can differentiate."""
    if choice.backend not in (None, Backend.TORCH):
        raise NoPlanError(
            f"expected a backend that can be differentiated twice, got {choice.backend.value}; take torch, "
            "or leave the choice to the planner"
        )
    return replace(choice, backend=Backend.TORCH)


@torch.library.custom_op("circulant::sampled_conv", mutates_args=())
def _sample(
    operands: Sequence[Tensor],
    settings: Sequence[int],
    order: int,
    algorithm: str | None,
    backend: str | None,
    workspace_limit: float | None,
    tolerance: float | None,
) -> list[Tensor]:
    choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    return list(_solve(tuple(operands), settings, order, choice))


@_sample.register_fake
def _(operands: Sequence[Tensor], settings: Sequence[int], order: int, *_: Any) -> list[Tensor]:
    x = operands[0]
    if order < 2:
        problem = _problem_of(tuple(x.shape), settings, x.dtype)
        return [x.new_empty((problem.gradients() if order else problem).result_shape)]
    return [x.new_empty(operand.shape) for operand in operands[: _result_count(order)]]


def _save(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    operands, ctx.settings, ctx.order, *ctx.choice = inputs
    ctx.save_for_backward(*operands)


def _backward(ctx: Any, cotangents: list[Tensor]) -> tuple[Any, ...]:
    operands = [*ctx.saved_tensors, *cotangents]
    gradients = _sample(operands, ctx.settings, ctx.order + 1, *ctx.choice)
    if ctx.order == 0:
        x = operands[0]
        gradients = list(_problem_of(tuple(x.shape), ctx.settings, x.dtype).split(gradients[0]))
    return gradients, None, None, None, None, None, None


def _vmap(info: Any, in_dims: Any, operands: Sequence[Tensor], *rest: Any) -> tuple[list[Tensor], list[int]]:
    """One call for each mapped index: operands may be mapped apart."""
    rows = []
    for index in range(info.batch_size):
        pairs = zip(operands, in_dims[0])
        rows.append(_sample([x if axis is None else x.select(axis, index) for x, axis in pairs], *rest))
    stacked = [torch.stack(results) for results in zip(*rows)]
    return stacked, [0] * len(stacked)


_sample.register_autograd(_backward, setup_context=_save)
_sample.register_vmap(_vmap)


@register_flop_formula(torch.ops.circulant.sampled_conv)
def _flop(operands: Sequence[Shape], settings: Sequence[int], order: int, *_: Any, **__: Any) -> int:
    """Each gradient is about as much work as the sum itself."""
    problem = _problem_of(operands[0], settings, torch.float32)
    return round((problem.gradients() if order == 1 else problem).flop) * _result_count(order)
