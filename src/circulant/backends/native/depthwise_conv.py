"""Direct depthwise convolution over one to three axes, forward and both gradients.

Any stride, dilation, zero padding and number of output channels per input channel; batches, channels
and outputs must not be empty.
"""

from typing import Any

from torch import Tensor

from circulant.backends.native import core
from circulant.backends.native.call import Operand, call
from circulant.backends.native.scalars import SCALARS
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot


def solve(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    """The problem's slot from its two operands."""
    slots = {Slot.OUTPUT: output, Slot.INPUT: input_gradient, Slot.KERNEL: kernel_gradient}
    return slots[problem.slot](problem, first, second)


def output(problem: ConvolutionProblem, x: Tensor, weight: Tensor) -> Tensor:
    """y = x convolved with w, channel by channel."""
    first = Operand("x", x, problem.input_shape)
    second = Operand("weight", weight, problem.weight_shape)
    return call("depthwise_output", sizes_of(problem), (first, second), problem.output_shape, problem.dtype)


def input_gradient(problem: ConvolutionProblem, g: Tensor, weight: Tensor) -> Tensor:
    """The transposed convolution of y's gradient with w."""
    first = Operand("the output's gradient", g, problem.output_shape)
    second = Operand("weight", weight, problem.weight_shape)
    return call(
        "depthwise_input_gradient", sizes_of(problem), (first, second), problem.input_shape, problem.dtype
    )


def kernel_gradient(problem: ConvolutionProblem, x: Tensor, g: Tensor) -> Tensor:
    """The correlation of y's gradient with x, summed over the batch."""
    first = Operand("x", x, problem.input_shape)
    second = Operand("the output's gradient", g, problem.output_shape)
    return call(
        "depthwise_kernel_gradient", sizes_of(problem), (first, second), problem.weight_shape, problem.dtype
    )


def workspace_byte(problem: ConvolutionProblem, threads: int) -> int:
    """The most that a call allocates besides its operands and its result."""
    module = core.load()
    scalar = getattr(module.Scalar, SCALARS[problem.dtype])
    slot, isa = module.DepthwiseSlot[problem.slot.name], module.Isa[core.instruction_set().name]
    return threads * int(module.depthwise_workspace(sizes_of(problem), scalar, slot, isa))


def sizes_of(problem: ConvolutionProblem) -> Any:
    """As the core takes them; an axis that is not there has one sample and one tap."""
    module = core.load()
    axes = zip(
        problem.spatial,
        problem.output_spatial,
        problem.kernel,
        problem.stride,
        problem.dilation,
        (before for before, _ in problem.padding),
        strict=True,
    )
    single = module.DepthwiseAxis(size=1, out_size=1, taps=1, stride=1, dilation=1, before=0)
    *_, depth, rows, columns = single, single, *(module.DepthwiseAxis(*axis) for axis in axes)
    return module.DepthwiseSizes(
        batch=problem.batch,
        channels=problem.in_channels,
        multiplier=problem.out_channels // problem.in_channels,
        depth=depth,
        rows=rows,
        columns=columns,
    )
