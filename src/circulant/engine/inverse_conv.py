"""The door to inverse convolution.

Solving is linear in the right side, and its adjoint is the same solve from the other end. The gradient
for the kernel is minus the kernel gradient of the convolution that is inverted, at the two solutions;
the adjoint's is the same with the two exchanged. So every derivative of every order is one of two
operators that are planned like any other.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.core.errors import ShapeError
from circulant.core.operator import AXES
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.convolution import CONVOLVE, Boundary, as_settings, convolution
from circulant.engine.doors import autocast_operand, require_same_kind
from circulant.engine.execute import execute
from circulant.engine.trilinear import as_arguments, from_arguments
from circulant.problems.inverse_conv import InverseConvProblem, free_taps, with_fixed_taps
from circulant.problems.trilinear import Slot


class Corner(Enum):
    """The corner of an image that the kernel looks towards, where substitution begins."""

    TOP_LEFT = "top_left"
    TOP_RIGHT = "top_right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM_RIGHT = "bottom_right"

    @property
    def flipped_axes(self) -> Shape:
        """Axes of an image (B, C, H, W) along which the substitution runs backwards."""
        rows = (2,) if self in (Corner.BOTTOM_LEFT, Corner.BOTTOM_RIGHT) else ()
        columns = (3,) if self in (Corner.TOP_RIGHT, Corner.BOTTOM_RIGHT) else ()
        return rows + columns


def inverse_conv(y: Tensor, weight: Tensor, *, flipped_axes: Shape = (), choice: Choice = FREE) -> Tensor:
    """x (B, C, *spatial) with k * x = y (B, C, *spatial), for a weight (C, C, *kernel) that looks back.

    Along flipped_axes (of y) it looks ahead instead: zeros lie behind x and the fixed tap is the first.
    The fixed taps (unit diagonal, zeros above) are not read and have gradient 0.
    """
    y, weight = autocast_operand(y), autocast_operand(weight)
    require_same_kind(("y", "weight"), (y, weight))
    _require_shapes(y, weight)
    turned = _solve(y.flip(flipped_axes), weight.flip(flipped_axes), False, choice.or_else(current()))
    return turned.flip(flipped_axes)


def inverse_conv2d(
    y: Tensor, weight: Tensor, *, corner: Corner = Corner.TOP_LEFT, choice: Choice = FREE
) -> Tensor:
    """The same for images (B, C, H, W), with the kernel in any corner."""
    if y.ndim != 4:
        raise ShapeError(f"expected y (B, C, H, W), got {tuple(y.shape)}; `inverse_conv` takes other axes")
    return inverse_conv(y, weight, flipped_axes=corner.flipped_axes, choice=choice)


def inverted_conv(x: Tensor, weight: Tensor, *, flipped_axes: Shape = (), choice: Choice = FREE) -> Tensor:
    """The convolution that `inverse_conv` inverts, k * x (B, C, *spatial), by the same weight."""
    kernel = plain_kernel(weight, flipped_axes)
    before = [(axis not in flipped_axes, taps - 1) for axis, taps in enumerate(weight.shape)][2:]
    ones = (1,) * len(before)
    return convolution(
        x, kernel, None, stride=ones, dilation=ones, groups=1, boundary=Boundary.ZEROS, choice=choice,
        padding=tuple((size, 0) if looks_back else (0, size) for looks_back, size in before),
    )  # fmt: skip


def plain_kernel(weight: Tensor, flipped_axes: Shape = ()) -> Tensor:
    """The kernel of the convolution that `inverse_conv` inverts: its fixed taps set."""
    return with_fixed_taps(weight.flip(flipped_axes)).flip(flipped_axes)


def _require_shapes(y: Tensor, weight: Tensor) -> None:
    ndim = y.ndim - 2
    if ndim not in AXES or weight.ndim != y.ndim or {*weight.shape[:2]} != {y.shape[1]}:
        raise ShapeError(
            "expected y (B, C, *spatial) with 1 to 3 spatial axes and weight (C, C, *kernel), "
            f"got y {tuple(y.shape)} and weight {tuple(weight.shape)}"
        )
    if 0 in y.shape[2:]:
        raise ShapeError(f"expected at least 1 sample along each spatial axis, got y {tuple(y.shape)}")
    if 0 in weight.shape:
        raise ShapeError(f"expected at least 1 channel and 1 tap, got weight {tuple(weight.shape)}")


def problem_of(first: Shape, weight: Shape, adjoint: bool, dtype: torch.dtype) -> InverseConvProblem:
    return InverseConvProblem(dtype, first[0], first[1], first[2:], weight[2:], adjoint)


def _solve(first: Tensor, weight: Tensor, adjoint: bool, choice: Choice) -> Tensor:
    return _inverse(first, weight, adjoint, *as_arguments(choice))


@torch.library.custom_op("circulant::inverse_conv", mutates_args=())
def _inverse(
    first: Tensor,
    weight: Tensor,
    adjoint: bool,
    algorithm: str | None,
    backend: str | None,
    workspace_limit: float | None,
    tolerance: float | None,
) -> Tensor:
    choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    problem = problem_of(tuple(first.shape), tuple(weight.shape), adjoint, first.dtype)
    return execute(problem, (first, weight), choice)


@_inverse.register_fake
def _(first: Tensor, *_: Any) -> Tensor:
    return first.new_empty(first.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, weight, ctx.adjoint, *ctx.choice = inputs
    ctx.save_for_backward(weight, output)


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
    """With k x = y and k^T z = g: the gradient for y is z, the one for k is -z corr x."""
    weight, solved = ctx.saved_tensors
    dual = _inverse(cotangent, weight, not ctx.adjoint, *ctx.choice)
    gradient = None
    if ctx.needs_input_grad[1]:
        x, z = (dual, solved) if ctx.adjoint else (solved, dual)
        inverted = problem_of(tuple(x.shape), tuple(weight.shape), False, x.dtype).as_convolution()
        correlated = CONVOLVE(Slot.KERNEL, x, z, as_settings(inverted), Choice())
        gradient = torch.where(free_taps(weight), -correlated, 0)
    return (dual, gradient, None, None, None, None, None)


def _vmap(info: Any, in_dims: Sequence[Any], first: Tensor, weight: Tensor, *rest: Any) -> tuple[Tensor, int]:
    """Mapped right sides are a larger batch; mapped kernels take a call each."""
    if in_dims[1] is None:
        rows = first.movedim(in_dims[0], 0)
        return _inverse(rows.flatten(0, 1), weight, *rest).unflatten(0, rows.shape[:2]), 0
    solved = [
        _inverse(
            first if in_dims[0] is None else first.select(in_dims[0], index),
            weight.select(in_dims[1], index),
            *rest,
        )
        for index in range(info.batch_size)
    ]
    return torch.stack(solved), 0


_inverse.register_autograd(_backward, setup_context=_save)
_inverse.register_vmap(_vmap)


@register_flop_formula(torch.ops.circulant.inverse_conv)
def _flop(first: Shape, weight: Shape, adjoint: bool, *_: Any, **__: Any) -> int:
    return round(problem_of(tuple(first), tuple(weight), adjoint, torch.float32).flop)
