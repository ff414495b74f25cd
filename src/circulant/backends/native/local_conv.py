"""Local convolution over one to three axes, forward and both gradients, without laying out windows."""

from dataclasses import astuple
from functools import lru_cache
from typing import Any

from torch import Tensor

from circulant.algorithms.axes import axes_of
from circulant.algorithms.direct_local import DirectLocal
from circulant.backends.native import core
from circulant.backends.native.call import Operand, call
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import OPERANDS, Slot

KERNELS = {
    Slot.OUTPUT: "local_output",
    Slot.INPUT: "local_input_gradient",
    Slot.KERNEL: "local_kernel_gradient",
}
OPERAND_NAMES = {Slot.INPUT: "x", Slot.KERNEL: "weight", Slot.OUTPUT: "the output's gradient"}


def solve(problem: LocalConvProblem, first: Tensor, second: Tensor) -> Tensor:
    """The problem's slot from its two operands; none of them empty."""
    shapes = problem.slot_shapes
    operands = [
        Operand(OPERAND_NAMES[slot], tensor, shapes[slot])
        for slot, tensor in zip(OPERANDS[problem.slot], (first, second), strict=True)
    ]
    return call(KERNELS[problem.slot], sizes(problem), operands, problem.result_shape, problem.dtype)


def scratch_scalars(problem: LocalConvProblem) -> int:
    """Numbers that each thread of the core holds besides operands and result."""
    count: int = getattr(core.load(), f"{KERNELS[problem.slot]}_scratch")(sizes(problem))
    return count


@lru_cache(maxsize=1024)
def sizes(problem: LocalConvProblem) -> Any:
    """As the core takes them."""
    module, window = core.load(), problem.window
    depth, rows, columns = (module.LocalAxis(*astuple(axis)) for axis in axes_of(window))
    return module.LocalConvSizes(
        batch=window.batch,
        channels=window.in_channels,
        groups=problem.groups,
        depth=depth,
        rows=rows,
        columns=columns,
        block=module.LocalBlock(*astuple(DirectLocal().block(problem))),
    )
