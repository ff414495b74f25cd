"""Inverse convolution in one to three dimensions, and its adjoint; operands must not be empty."""

from typing import Any

from torch import Tensor

from circulant.algorithms.substitution import FusedWavefront
from circulant.backends.native import core
from circulant.backends.native.call import Operand, call
from circulant.problems.inverse_conv import InverseConvProblem


def solve(problem: InverseConvProblem, first: Tensor, weight: Tensor) -> Tensor:
    """x of k * x = first, or of the adjoint equation."""
    right = Operand("the right side", first, problem.input_shape)
    kernel = Operand("weight", weight, problem.weight_shape)
    return call("inverse_conv", _sizes(problem), (right, kernel), problem.result_shape, problem.dtype)


def _sizes(problem: InverseConvProblem) -> Any:
    module = core.load()
    single = module.InverseConvAxis(size=1, taps=1)
    axes = (module.InverseConvAxis(size, taps) for size, taps in zip(problem.spatial, problem.kernel))
    *_, depth, height, width = single, single, *axes
    return module.InverseConvSizes(
        batch=problem.batch,
        channels=problem.channels,
        depth=depth,
        height=height,
        width=width,
        adjoint=problem.adjoint,
        images=FusedWavefront().images(problem),
    )
