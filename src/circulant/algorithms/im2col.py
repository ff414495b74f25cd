"""im2col: every window laid out as a column, then one matrix product per group."""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.direct import direct_work
from circulant.algorithms.direct_memory import column_byte, part_column_byte
from circulant.core.sizes import product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot


@final
class Im2col(Algorithm[ConvolutionProblem]):
    name = AlgorithmName.IM2COL

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        return None

    def work(self, problem: ConvolutionProblem) -> Work:
        """workspace_byte: the padded input and the columns, twice where a product needs another order.

        A row of one channel to a group is its own columns, by strides: one is laid out at a time.
        """
        p, plain, columns = problem, direct_work(problem), column_byte(problem)
        padded = p.dtype.itemsize * p.batch * p.in_channels * product(p.padded_spatial)
        in_place = p.ndim == 1 and p.in_channels == p.groups and p.slot is Slot.OUTPUT
        laid_out = part_column_byte(p) if in_place else columns * (2 if p.slot is Slot.KERNEL else 1)
        return Work(plain.flop, plain.byte + 3 * columns, laid_out + padded, plain.error_growth)
