"""Direct convolution by torch's own kernels, in the layout given or in channels-last."""

import torch
from torch import Tensor

from circulant.problems.convolution import CHANNELS_LAST, ConvolutionProblem
from circulant.problems.trilinear import Slot


def direct(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    """torch's convolution or one of its two gradients."""
    if problem.has_symmetric_padding:
        return _solve(problem, first, second, tuple(before for before, _ in problem.padding))
    unpadded = (0,) * problem.ndim
    if problem.slot is Slot.INPUT:
        return problem.crop(_solve(problem, first, second, unpadded, problem.padded_spatial)).contiguous()
    return _solve(problem, problem.pad(first), second, unpadded)


def channels_last(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    layout = CHANNELS_LAST[problem.ndim]
    result = direct(problem, first.contiguous(memory_format=layout), second.contiguous(memory_format=layout))
    return result.contiguous()


def _solve(
    problem: ConvolutionProblem,
    first: Tensor,
    second: Tensor,
    padding: tuple[int, ...],
    spatial: tuple[int, ...] | None = None,
) -> Tensor:
    stride, dilation, groups, ndim = problem.stride, problem.dilation, problem.groups, problem.ndim
    none = (0,) * ndim
    if problem.slot is Slot.OUTPUT:
        return torch.ops.aten.convolution.default(
            first, second, None, stride, padding, dilation, False, none, groups
        )
    if problem.slot is Slot.INPUT:
        shape = (*problem.input_shape[:2], *(spatial or problem.spatial))
        x = first.new_empty(1).expand(shape)  # only its sizes are read
        gradient, weight, wanted = first, second, [True, False, False]
    else:
        x, gradient, wanted = first, second, [False, True, False]
        weight = first.new_empty(1).expand(problem.weight_shape)
    solved = torch.ops.aten.convolution_backward.default(
        gradient, x, weight, None, stride, padding, dilation, False, none, groups, wanted
    )
    result: Tensor = solved[0] if problem.slot is Slot.INPUT else solved[1]
    return result
