r"""Sampled (deformable) convolution over one to three axes, differentiable to any order.

For offsets o the sum is a trilinear form of input, modulation and output's gradient, as in any
convolution. Its derivative along an axis of o is the same form with the samples' slope along that
axis in the place of their interpolation, and a second derivative along one axis is zero. So three
kernels, told along which axes to take slopes, give every derivative. At whole places the slope is
that to the right.

Input gradients are added atomically, in no fixed order: on a GPU they are not the same bits from run
to run.
"""

from typing import Any, final

import torch
from torch import Tensor

from circulant.backends.triton.geometry import geometry_of
from circulant.backends.triton.launch import ACCUMULATORS, Operand, accumulator, contiguous, launch
from circulant.backends.triton.tile import tile_of
from circulant.core.sizes import Shape
from circulant.problems.sampled_conv import SampledConvProblem
from circulant.problems.trilinear import OPERANDS, Slot

WIDEST = 128  # positions: places and corners are found once for all channels of a tile
Axes = frozenset[int]


def solve(problem: SampledConvProblem, x: Tensor, offset: Tensor, modulation: Tensor) -> Tensor:
    return _form(problem, Slot.OUTPUT, frozenset(), x, modulation, offset)


def _form(
    problem: SampledConvProblem, slot: Slot, slopes: Axes, first: Tensor, second: Tensor, offset: Tensor
) -> Tensor:
    """The form solved for a slot, with slopes along some of the spatial axes; differentiable."""
    apply: Any = _Sampled.apply  # torch gives it no types
    result: Tensor = apply(problem, slot, slopes, first, second, offset)
    return result


@final
class _Sampled(torch.autograd.Function):
    """Each derivative of the form is the form again: for another slot, or with one slope more."""

    @staticmethod
    def forward(
        problem: SampledConvProblem, slot: Slot, slopes: Axes, first: Tensor, second: Tensor, offset: Tensor
    ) -> Tensor:
        return _solved(problem, slot, slopes, first, second, offset)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.problem, ctx.slot, ctx.slopes, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        first, second, offset = ctx.saved_tensors
        operands = OPERANDS[ctx.slot]
        values = {**dict(zip(operands, (first, second))), ctx.slot: cotangents[0]}

        def solved(slot: Slot, slopes: Axes) -> Tensor:
            a, b = (values[operand] for operand in OPERANDS[slot])
            return _form(ctx.problem, slot, slopes, a, b, offset)

        def along(axis: int) -> Tensor:
            if axis in ctx.slopes:
                return torch.zeros_like(values[Slot.KERNEL])
            return values[Slot.KERNEL] * solved(Slot.KERNEL, ctx.slopes | {axis})

        *wanted, moves = ctx.needs_input_grad[3:]
        gradients = [solved(slot, ctx.slopes) if needed else None for slot, needed in zip(operands, wanted)]
        axes = range(ctx.problem.window.ndim)
        moved = torch.stack([along(axis) for axis in axes], dim=3) if moves else None
        return None, None, None, *gradients, moved


def _solved(
    problem: SampledConvProblem, slot: Slot, slopes: Axes, first: Tensor, second: Tensor, offset: Tensor
) -> Tensor:
    from circulant.backends.triton.kernels import sampled

    p, window, geometry = problem, problem.window, geometry_of(problem.window)
    shapes = _slot_shapes(p)
    named = zip(OPERANDS[slot], (first, second))
    operands = [Operand(f"the {operand.value}", tensor, shapes[operand]) for operand, tensor in named]
    a, b, o = contiguous(p.dtype, *operands, Operand("the offset", offset, p.operand_shapes[1]))
    kernel = {
        Slot.OUTPUT: sampled.output,
        Slot.INPUT: sampled.input_gradient,
        Slot.KERNEL: sampled.kernel_gradient,
    }[slot]
    channels = window.in_channels // p.groups
    tile = tile_of(channels, geometry.target_samples, WIDEST)
    sets, middle = window.batch * p.groups, geometry.taps if slot is Slot.KERNEL else tile.grid[0]
    new = torch.zeros if slot is Slot.INPUT else torch.empty
    result = new(shapes[slot], dtype=ACCUMULATORS[p.dtype], device=a.device)
    launch(
        kernel, (sets * tile.grid[1], middle), a, a, o, b, result, geometry.source, geometry.target,
        geometry.kernel, geometry.steps, geometry.source_samples, geometry.target_samples, geometry.taps,
        channels, NDIM=window.ndim, SLOPES=sum(1 << window.ndim - 1 - axis for axis in slopes),
        ROWS=tile.rows, BLOCK=tile.samples, ADD=accumulator(p.dtype),
    )  # fmt: skip
    return result.to(p.dtype)


def _slot_shapes(problem: SampledConvProblem) -> dict[Slot, Shape]:
    source, _, modulation = problem.operand_shapes
    return {Slot.INPUT: source, Slot.KERNEL: modulation, Slot.OUTPUT: problem.result_shape}
