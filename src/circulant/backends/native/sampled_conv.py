"""Sampled convolution over one to three axes, and its gradients in one pass."""

from dataclasses import astuple
from functools import lru_cache
from typing import Any

from torch import Tensor

from circulant.algorithms.axes import axes_of
from circulant.algorithms.direct_sampled import DirectSampled
from circulant.algorithms.fft import compute_itemsize
from circulant.backends.native import core
from circulant.backends.native.call import Operand, call
from circulant.problems.sampled_conv import SampledConvProblem, SampledResult

KERNELS = {SampledResult.OUTPUT: "sampled_output", SampledResult.GRADIENTS: "sampled_gradients"}
OPERAND_NAMES = ("x", "offset", "modulation", "the output's gradient")


def solve(problem: SampledConvProblem, *operands: Tensor) -> Tensor:
    """The problem's result from its three or four operands; none of them empty."""
    named = [Operand(*row) for row in zip(OPERAND_NAMES, operands, problem.operand_shapes)]
    return call(KERNELS[problem.result], sizes(problem), named, problem.result_shape, problem.dtype)


def scratch_byte(problem: SampledConvProblem) -> int:
    """What each thread of the core holds besides operands and result."""
    itemsize = compute_itemsize(problem.dtype.itemsize)
    count: int = getattr(core.load(), f"{KERNELS[problem.result]}_scratch")(sizes(problem), itemsize)
    return count


@lru_cache(maxsize=1024)
def sizes(problem: SampledConvProblem) -> Any:
    """As the core takes them."""
    module, window = core.load(), problem.window
    depth, rows, columns = (module.SampledAxis(*astuple(axis)) for axis in axes_of(window))
    return module.SampledConvSizes(
        batch=window.batch,
        channels=window.in_channels,
        groups=problem.groups,
        block_channels=DirectSampled().block(problem),
        ndim=window.ndim,
        depth=depth,
        rows=rows,
        columns=columns,
    )
