"""Local (spatially varying) convolution over one to three axes, forward and both gradients."""

from typing import Any

import torch
from torch import Tensor

from circulant.backends.triton.geometry import Geometry, geometry_of
from circulant.backends.triton.launch import Operand, accumulator, contiguous, launch
from circulant.backends.triton.tile import tile_of
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import OPERANDS, Slot

WIDEST = 256  # positions, so that some channels share the taps and the indices that were read


def solve(problem: LocalConvProblem, first: Tensor, second: Tensor) -> Tensor:
    """The problem's slot from its two operands."""
    from circulant.backends.triton.kernels import local

    p, geometry = problem, geometry_of(problem.window)
    names = [f"the {slot.value}" for slot in OPERANDS[p.slot]]
    a, b = contiguous(
        p.dtype,
        Operand(names[0], first, p.operand_shapes[0]),
        Operand(names[1], second, p.operand_shapes[1]),
    )
    result = torch.empty(p.result_shape, dtype=p.dtype, device=a.device)
    kernel = {
        Slot.OUTPUT: local.output,
        Slot.INPUT: local.input_gradient,
        Slot.KERNEL: local.kernel_gradient,
    }[p.slot]
    sets, channels = p.window.batch * p.groups, p.window.in_channels // p.groups
    samples = geometry.source_samples if p.slot is Slot.INPUT else geometry.target_samples
    tile = tile_of(channels, samples, WIDEST)
    middle = geometry.taps if p.slot is Slot.KERNEL else tile.grid[0]
    launch(
        kernel, (sets * tile.grid[1], middle), a, a, b, result, *_sizes(geometry), channels,
        ROWS=tile.rows, BLOCK=tile.samples, ADD=accumulator(p.dtype),
    )  # fmt: skip
    return result


def _sizes(geometry: Geometry) -> tuple[Any, ...]:
    return (
        geometry.source, geometry.target, geometry.kernel, geometry.steps, geometry.source_samples,
        geometry.target_samples, geometry.taps,
    )  # fmt: skip
