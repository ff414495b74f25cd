"""Direct depthwise convolution over one to three axes, forward and both gradients.

Any stride, dilation, zero padding and number of output channels per input channel. Nothing is
scattered, so results are the same from run to run.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from circulant.backends.triton import short_conv
from circulant.backends.triton.geometry import Geometry, geometry_of
from circulant.backends.triton.launch import ACCUMULATORS, Operand, accumulator, contiguous, launch
from circulant.backends.triton.tile import power_above, tile_of
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

TAPS = 16  # taps of a kernel gradient that share each gradient read
GRADIENT_BLOCK = 128  # samples beside them: 16 x 128 sums are 16 registers to a thread of 4 warps
ENOUGH_PROGRAMS = 1024  # several for each processor of the largest GPUs, so that none waits long


@final
@dataclass(frozen=True, slots=True)
class TapBlocks:
    """Taps of one program of a kernel gradient, images of its share of the batch, and the programs."""

    taps: int
    images: int
    grid: tuple[int, int, int]


def tap_blocks_of(problem: ConvolutionProblem) -> TapBlocks:
    """The batch is shared where channels are few; the shares are then added in a fixed order."""
    every = geometry_of(problem).taps
    taps = min(power_above(every), TAPS)
    programs = problem.out_channels * -(-every // taps)
    images = -(-problem.batch // max(ENOUGH_PROGRAMS // programs, 1))
    return TapBlocks(taps, images, (problem.out_channels, -(-every // taps), -(-problem.batch // images)))


def solve(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    """The problem's slot from its two operands."""
    if short_conv.takes(problem):
        return short_conv.solve(problem, first, second)
    slots = {Slot.OUTPUT: _output, Slot.INPUT: _input_gradient, Slot.KERNEL: _kernel_gradient}
    return slots[problem.slot](problem, first, second)


def _output(problem: ConvolutionProblem, x: Tensor, weight: Tensor) -> Tensor:
    from circulant.backends.triton.kernels import depthwise

    x, weight = contiguous(
        problem.dtype, Operand("x", x, problem.input_shape), Operand("weight", weight, problem.weight_shape)
    )
    y = torch.empty(problem.output_shape, dtype=problem.dtype, device=x.device)
    rows, geometry = problem.batch * problem.out_channels, geometry_of(problem)
    tile = tile_of(rows, geometry.target_samples)
    launch(
        depthwise.output, tile.grid, x, x, weight, y, *_sizes(problem, geometry), rows,
        ROWS=tile.rows, BLOCK=tile.samples, ADD=accumulator(problem.dtype),
    )  # fmt: skip
    return y


def _input_gradient(problem: ConvolutionProblem, g: Tensor, weight: Tensor) -> Tensor:
    from circulant.backends.triton.kernels import depthwise

    g, weight = contiguous(
        problem.dtype,
        Operand("the output's gradient", g, problem.output_shape),
        Operand("weight", weight, problem.weight_shape),
    )
    x = torch.empty(problem.input_shape, dtype=problem.dtype, device=g.device)
    rows, geometry = problem.batch * problem.in_channels, geometry_of(problem)
    tile = tile_of(rows, geometry.source_samples)
    launch(
        depthwise.input_gradient, tile.grid, g, g, weight, x, *_sizes(problem, geometry), rows,
        ROWS=tile.rows, BLOCK=tile.samples, ADD=accumulator(problem.dtype),
    )  # fmt: skip
    return x


def _kernel_gradient(problem: ConvolutionProblem, x: Tensor, g: Tensor) -> Tensor:
    from circulant.backends.triton.kernels import depthwise

    x, g = contiguous(
        problem.dtype,
        Operand("x", x, problem.input_shape),
        Operand("the output's gradient", g, problem.output_shape),
    )
    blocks = tap_blocks_of(problem)
    partial = torch.empty(
        (blocks.grid[2], *problem.weight_shape), dtype=ACCUMULATORS[problem.dtype], device=x.device
    )
    launch(
        depthwise.kernel_gradient, blocks.grid, x, x, g, partial, *_sizes(problem, geometry_of(problem)),
        problem.batch, blocks.images, TAPS=blocks.taps, BLOCK=GRADIENT_BLOCK, ADD=accumulator(problem.dtype),
    )  # fmt: skip
    return partial.sum(0).to(problem.dtype)


def _sizes(problem: ConvolutionProblem, geometry: Geometry) -> tuple[Any, ...]:
    return (
        geometry.source, geometry.target, geometry.kernel, geometry.steps, geometry.source_samples,
        geometry.target_samples, geometry.taps, problem.out_channels // problem.in_channels,
        problem.out_channels,
    )  # fmt: skip
