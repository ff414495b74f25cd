"""Convolution by Winograd's minimal filtering, the forward pass and the gradient of the input.

3 x 3 taps of stride 1 and any zero padding; batches and channels must not be empty.
"""

from typing import Any

from torch import Tensor

from circulant.algorithms.winograd import Winograd, as_forward
from circulant.backends.native import core
from circulant.backends.native.call import Operand, call
from circulant.backends.native.window import window_conv_sizes
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot


def solve(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    """first: x, or the gradient of the output; second: the kernel."""
    if problem.slot is Slot.INPUT:
        second = second.transpose(0, 1).flip(2, 3)
    forward = as_forward(problem)
    operands = Operand("input", first, forward.input_shape), Operand("weight", second, forward.weight_shape)
    return call("winograd_conv", sizes(forward), operands, forward.output_shape, problem.dtype)


def sizes(problem: ConvolutionProblem) -> Any:
    """As the core takes them, with the patches and tiles that the algorithm chooses."""
    algorithm, forward = Winograd(), as_forward(problem)
    conv = window_conv_sizes(forward, algorithm.tile(forward))
    return core.load().WinogradSizes(conv=conv, patch=algorithm.patch(forward))
