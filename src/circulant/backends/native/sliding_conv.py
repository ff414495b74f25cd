"""Convolution by sliding windows over one or two axes, the forward pass.

Any groups, stride, dilation and zero padding; batches, channels and outputs must not be empty.
"""

from typing import Any

from torch import Tensor

from circulant.algorithms.sliding_window import SlidingWindow
from circulant.backends.native.call import Operand, call
from circulant.backends.native.window import window_conv_sizes
from circulant.problems.convolution import ConvolutionProblem


def solve(problem: ConvolutionProblem, x: Tensor, weight: Tensor) -> Tensor:
    """y = x convolved with w, group by group."""
    first = Operand("x", x, problem.input_shape)
    second = Operand("weight", weight, problem.weight_shape)
    return call("sliding_conv", sizes(problem), (first, second), problem.output_shape, problem.dtype)


def sizes(problem: ConvolutionProblem) -> Any:
    """As the core takes them, with the blocks that the algorithm chooses."""
    return window_conv_sizes(problem, SlidingWindow().tile(problem))
