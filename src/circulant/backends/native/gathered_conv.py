"""Gathered convolution, depthwise or of all channels of a group, forward and both gradients."""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from circulant.algorithms.direct_gathered import DirectGathered
from circulant.algorithms.fft import compute_itemsize
from circulant.backends.native import core
from circulant.backends.native.call import Operand, call
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.trilinear import OPERANDS, Slot

KERNELS = {
    Slot.OUTPUT: "gathered_output",
    Slot.INPUT: "gathered_input_gradient",
    Slot.KERNEL: "gathered_kernel_gradient",
}
OPERAND_NAMES = {Slot.INPUT: "x", Slot.KERNEL: "weight", Slot.OUTPUT: "the output's gradient"}


def solve(problem: GatheredConvProblem, first: Tensor, second: Tensor, index: Tensor) -> Tensor:
    """The problem's slot from its two operands and the list of neighbours; none of them empty."""
    shapes = problem.slot_shapes
    operands = [
        Operand(OPERAND_NAMES[slot], tensor, shapes[slot])
        for slot, tensor in zip(OPERANDS[problem.slot], (first, second), strict=True)
    ]
    operands.append(Operand("index", index, problem.index_shape, torch.int64))
    return call(KERNELS[problem.slot], sizes(problem), operands, problem.result_shape, problem.dtype)


def scratch_byte(problem: GatheredConvProblem) -> int:
    """What each thread of the core holds besides operands and result."""
    itemsize = compute_itemsize(problem.dtype.itemsize)
    count: int = getattr(core.load(), f"{KERNELS[problem.slot]}_scratch")(sizes(problem), itemsize)
    return count


@lru_cache(maxsize=1024)
def sizes(problem: GatheredConvProblem) -> Any:
    """As the core takes them."""
    return core.load().GatheredConvSizes(
        batch=problem.batch,
        in_channels=problem.in_channels,
        out_channels=problem.out_channels,
        groups=problem.groups,
        places=problem.places,
        outputs=problem.outputs,
        taps=problem.taps,
        block=DirectGathered().block(problem),
    )
