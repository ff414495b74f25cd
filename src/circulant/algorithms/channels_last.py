"""Direct convolution after a change of layout to channels-last, the layout CPU kernels like best."""

from typing import final

import torch

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.direct import direct_work
from circulant.algorithms.direct_memory import column_byte, part_column_byte
from circulant.core.sizes import product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot


@final
class ChannelsLast(Algorithm[ConvolutionProblem]):
    name = AlgorithmName.CHANNELS_LAST

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        if problem.ndim == 1:
            return Rejected("torch has no channels-last layout for 1 spatial axis")
        return None

    def work(self, problem: ConvolutionProblem) -> Work:
        plain, moved = direct_work(problem), 2 * problem.io_byte
        return Work(plain.flop, plain.byte + moved, _copies_byte(problem), plain.error_growth)


def _copies_byte(problem: ConvolutionProblem) -> float:
    """Operands, then the result, in the other layout. Without sums over channels torch copies once more."""
    p = problem
    columns = column_byte(p) if p.dtype is torch.float64 and p.slot is not Slot.INPUT else 0.0
    if p.slot is not Slot.OUTPUT:
        if p.slot is Slot.KERNEL and p.is_depthwise:  # windows of one channel after another
            columns += part_column_byte(p)
        once_more = p.is_depthwise or product(p.kernel) == 1
        return columns + (1.6 if once_more else 1.0) * p.io_byte
    operands = sum(product(shape) for shape in p.operand_shapes)
    return columns + p.dtype.itemsize * float(max(operands, product(p.result_shape)))
