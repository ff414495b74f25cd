r"""Sampled (deformable) convolution over one to three axes, and its gradients.

For offsets o the sum is a trilinear form of input, modulation and output's gradient, as in any
convolution. Its derivative along an axis of o is the same form with the samples' slope along that
axis in the place of their interpolation: three kernels, told along which axes to take slopes, give
every gradient. At whole places the slope is that to the right.

Input gradients are added atomically, in no fixed order: on a GPU they are not the same bits from run
to run.
"""

from dataclasses import replace

import torch
from torch import Tensor

from circulant.backends.triton.geometry import geometry_of
from circulant.backends.triton.launch import ACCUMULATORS, Operand, accumulator, contiguous, launch
from circulant.backends.triton.tile import tile_of
from circulant.core.sizes import Shape
from circulant.problems.sampled_conv import SampledConvProblem, SampledResult
from circulant.problems.trilinear import OPERANDS, Slot

WIDEST = 128  # positions: places and corners are found once for all channels of a tile
Axes = frozenset[int]


def solve(
    problem: SampledConvProblem, x: Tensor, offset: Tensor, modulation: Tensor, *cotangent: Tensor
) -> Tensor:
    """The output; or from the output's gradient those of the three operands, one after another."""
    plain = replace(problem, result=SampledResult.OUTPUT)
    if problem.result is SampledResult.OUTPUT:
        return _solved(plain, Slot.OUTPUT, frozenset(), x, modulation, offset)
    (g,) = cotangent
    moved = [
        modulation * _solved(plain, Slot.KERNEL, frozenset({axis}), x, g, offset)
        for axis in range(problem.window.ndim)
    ]
    gradients = (
        _solved(plain, Slot.INPUT, frozenset(), g, modulation, offset),
        torch.stack(moved, dim=3),
        _solved(plain, Slot.KERNEL, frozenset(), x, g, offset),
    )
    return torch.cat([gradient.flatten() for gradient in gradients])


def _solved(
    problem: SampledConvProblem, slot: Slot, slopes: Axes, first: Tensor, second: Tensor, offset: Tensor
) -> Tensor:
    """The form solved for a slot, with slopes along some of the spatial axes."""
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
