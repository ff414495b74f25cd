"""Long convolution of a row in blocks that stay in cache; operands and results as in `long_conv`."""

from torch import Tensor

from circulant.algorithms.overlap_save import cached_block
from circulant.backends.native import long_conv
from circulant.problems.long_conv import LongConvProblem


def solve(problem: LongConvProblem, first: Tensor, second: Tensor) -> Tensor:
    return long_conv.solve(problem, first, second, block=cached_block(problem.kernel))


def output(
    problem: LongConvProblem,
    x: Tensor,
    kernel: Tensor | None,
    *rest: Tensor | None,
    spectra: Tensor | None = None,
) -> Tensor:
    return long_conv.output(problem, x, kernel, *rest, spectra=spectra, block=cached_block(problem.kernel))


def spectra(problem: LongConvProblem, kernel: Tensor, skip: Tensor | None = None) -> Tensor:
    return long_conv.spectra(problem, kernel, skip, block=cached_block(problem.kernel))


def gradients(problem: LongConvProblem, x: Tensor, kernel: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    return long_conv.gradients(problem, x, kernel, g, block=cached_block(problem.kernel))
