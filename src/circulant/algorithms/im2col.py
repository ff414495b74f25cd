"""im2col: every window laid out as a column, then one matrix product per group."""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.direct import direct_work
from circulant.core.sizes import product
from circulant.problems.convolution import ConvolutionProblem


@final
class Im2col(Algorithm[ConvolutionProblem]):
    name = AlgorithmName.IM2COL

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        return None

    def work(self, problem: ConvolutionProblem) -> Work:
        plain, columns = direct_work(problem), column_byte(problem)
        return Work(plain.flop, plain.byte + 3 * columns, columns, plain.error_growth)


def column_byte(problem: ConvolutionProblem) -> float:
    taps = product(problem.kernel) * problem.in_channels
    return float(problem.dtype.itemsize * problem.batch * taps * product(problem.output_spatial))
