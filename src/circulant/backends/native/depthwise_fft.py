"""Depthwise convolution over one to three axes by FFT, forward and both gradients.

Any stride, dilation and zero padding, one output channel for each input channel; batches, channels and
outputs must not be empty.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from circulant.backends.native import core
from circulant.backends.native.call import Operand, call_planned
from circulant.backends.native.core import InstructionSet
from circulant.backends.native.depthwise_conv import sizes_of
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import OPERANDS, Slot

FUNCTIONS = {
    Slot.OUTPUT: "depthwise_fft_output",
    Slot.INPUT: "depthwise_fft_input_gradient",
    Slot.KERNEL: "depthwise_fft_kernel_gradient",
}
NAMES = {Slot.OUTPUT: "the output's gradient", Slot.INPUT: "x", Slot.KERNEL: "weight"}


def solve(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    """The problem's slot from its two operands."""
    shapes = problem.slot_shapes
    operands = [
        Operand(NAMES[slot], tensor, shapes[slot])
        for slot, tensor in zip(OPERANDS[problem.slot], (first, second))
    ]
    results = (shapes[problem.slot],)
    return call_planned(FUNCTIONS[problem.slot], _plan(problem), operands, results, problem.dtype)[0]


def workspace_byte(problem: ConvolutionProblem, threads: int) -> int:
    """What a call allocates besides its operands and its result."""
    slot = core.load().DepthwiseSlot[problem.slot.name]
    return int(_plan(problem).workspace_bytes(threads, slot))


def _plan(problem: ConvolutionProblem) -> Any:
    return _made_plan(problem.for_slot(Slot.OUTPUT), core.instruction_set())


@lru_cache(maxsize=16)  # the roots of a transform take about 12 bytes a sample
def _made_plan(problem: ConvolutionProblem, instruction_set: InstructionSet) -> Any:
    module = core.load()
    is_double = problem.dtype == torch.float64
    return module.DepthwiseFftPlan(sizes_of(problem), is_double, module.Isa[instruction_set.name])
