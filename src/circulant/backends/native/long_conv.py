"""Long convolution by FFT, any length and kernel length, forward and both gradients.

Batches and channels must not be empty; a circular kernel must not be longer than the input.
"""

from typing import Any

from torch import Tensor

from circulant.backends.native import core
from circulant.backends.native.call import Operand, call
from circulant.core.sizes import Shape
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot


def solve(problem: LongConvProblem, first: Tensor, second: Tensor) -> Tensor:
    """The problem's slot from its two operands."""
    slots = {Slot.OUTPUT: output, Slot.INPUT: input_gradient, Slot.KERNEL: kernel_gradient}
    return slots[problem.slot](problem, first, second)


def output(problem: LongConvProblem, x: Tensor, kernel: Tensor) -> Tensor:
    """y[b, c, l] = sum_m k[c, m] x[b, c, l + shift - m]."""
    first = Operand("x", x, problem.input_shape)
    second = Operand("kernel", kernel, _kernel_shape(problem))
    return call("long_conv_output", _sizes(problem), (first, second), problem.input_shape, problem.dtype)


def input_gradient(problem: LongConvProblem, g: Tensor, kernel: Tensor) -> Tensor:
    """gx[b, c, j] = sum_m k[c, m] g[b, c, j - shift + m]."""
    first = Operand("the output's gradient", g, problem.input_shape)
    second = Operand("kernel", kernel, _kernel_shape(problem))
    return call(
        "long_conv_input_gradient", _sizes(problem), (first, second), problem.input_shape, problem.dtype
    )


def kernel_gradient(problem: LongConvProblem, x: Tensor, g: Tensor) -> Tensor:
    """gk[c, m] = sum_{b, l} g[b, c, l] x[b, c, l + shift - m]."""
    first = Operand("x", x, problem.input_shape)
    second = Operand("the output's gradient", g, problem.input_shape)
    return call(
        "long_conv_kernel_gradient", _sizes(problem), (first, second), _kernel_shape(problem), problem.dtype
    )


def _kernel_shape(problem: LongConvProblem) -> Shape:
    return (problem.channels, problem.kernel)


def _sizes(problem: LongConvProblem) -> Any:
    return core.load().LongConvSizes(
        batch=problem.batch,
        channels=problem.channels,
        length=problem.length,
        taps=problem.kernel,
        shift=problem.shift,
        circular=problem.circular,
    )
