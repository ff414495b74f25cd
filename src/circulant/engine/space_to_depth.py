"""Convolution of sub-images: the block of samples at each place of a coarser grid, laid along the channels.

It equals one convolution whose stride is the block and whose kernel has as many times the taps; the planner
says which of the two runs.
"""

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.sizes import Shape, product
from circulant.engine.convolution import Boundary, convolution, problem_for
from circulant.engine.doors import needs_gradient
from circulant.engine.machine import default_machine
from circulant.engine.planner import plan, remember_until_forgotten
from circulant.problems.convolution import ConvolutionProblem, Padding
from circulant.problems.trilinear import OPERANDS

_one = remember_until_forgotten()


def space_to_depth(x: Tensor, block: Shape, groups: int = 1) -> Tensor:
    """x (B, C, *spatial) -> (B, product(block) C, *ceil(spatial / block)), with zeros after the last samples.

    Channels are block-major: all C of the first sub-image, then of the next; the offset along the first axis
    runs fastest. With groups, each group of channels is laid out so.
    """
    ndim = len(block)
    x = _filled(x, block)
    B, C, *spatial = x.shape
    coarse = [n // s for n, s in zip(spatial, block)]
    cut = x.reshape(B, groups, C // groups, *(size for pair in zip(coarse, block) for size in pair))
    grids = range(3, 3 + 2 * ndim, 2)
    offsets = [axis + 1 for axis in reversed(grids)]
    return cut.permute(0, 1, *offsets, 2, *grids).reshape(B, product(block) * C, *coarse)


def depth_to_space(y: Tensor, block: Shape, groups: int = 1) -> Tensor:
    """The inverse: y (B, product(block) C, *coarse) -> (B, C, *coarse * block)."""
    ndim = len(block)
    B, _, *coarse = y.shape
    C = y.shape[1] // product(block)
    cut = y.reshape(B, groups, *reversed(block), C // groups, *coarse)
    channel = 2 + ndim
    places = [axis for i in range(ndim) for axis in (channel + 1 + i, channel - 1 - i)]
    spatial = (n * s for n, s in zip(coarse, block))
    return cut.permute(0, 1, channel, *places).reshape(B, C, *spatial)


def strided_kernel(weight: Tensor, block: Shape) -> Tensor:
    """weight (O, product(block) I, *kernel) over sub-images -> (O, I, *kernel * block) over the samples."""
    return depth_to_space(weight, block)


def space_to_depth_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    block: Shape,
    padding: Padding,
    dilation: Shape,
    groups: int,
    boundary: Boundary,
) -> Tensor:
    """convolution(space_to_depth(x)): x (B, C, *), weight (O, product(block) C / groups, *kernel)."""
    fills = [-n % s for n, s in zip(x.shape[2:], block)]
    wide = tuple((s * a, s * b + fill) for (a, b), s, fill in zip(padding, block, fills))
    ones = (1,) * len(block)
    if dilation == ones and (boundary is Boundary.ZEROS or not any(map(any, padding))):
        kernel = strided_kernel(weight, block)
        settings: Any = {"stride": block, "padding": wide, "dilation": ones, "groups": groups}
        problem = problem_for(x, kernel, bias, boundary=Boundary.ZEROS, **settings)
        gradient, copied = needs_gradient(x, weight, bias), 2 * x.numel() * x.element_size()
        if _is_faster_as_one(problem, copied, x.device.type, gradient):
            return convolution(x, kernel, bias, **settings)
    parts = space_to_depth(x, block, groups)
    return convolution(
        parts, weight, bias, stride=ones, padding=padding, dilation=dilation, groups=groups, boundary=boundary
    )


def _is_faster_as_one(problem: ConvolutionProblem, copied: int, device: str, gradient: bool) -> bool:
    """By the planner's predictions, gradients counted where they will be asked for."""
    if torch.compiler.is_compiling() or problem.batch == 0:
        return True  # nothing is copied
    key = (problem, device, gradient, torch.get_num_threads())
    if key not in _one:
        ones, block = (1,) * problem.ndim, problem.stride
        parts = replace(
            problem, in_channels=problem.in_channels * product(block), stride=ones,
            kernel=tuple(k // s for k, s in zip(problem.kernel, block)),
            spatial=tuple(n // s for n, s in zip(problem.padded_spatial, block)),
            padding=((0, 0),) * problem.ndim,
        )  # fmt: skip
        copying = copied / default_machine(device).bandwidth(copied)
        _one[key] = _seconds(problem, device, gradient) <= copying + _seconds(parts, device, gradient)
    return _one[key]


def _seconds(problem: ConvolutionProblem, device: str, gradient: bool) -> float:
    slots = (problem.slot, *OPERANDS[problem.slot]) if gradient else (problem.slot,)
    return sum(plan(problem.for_slot(slot), device=device).candidates[0].seconds for slot in slots)


def _filled(x: Tensor, block: Shape) -> Tensor:
    fills = [-n % s for n, s in zip(x.shape[2:], block)]
    return F.pad(x, [side for fill in reversed(fills) for side in (0, fill)]) if any(fills) else x
