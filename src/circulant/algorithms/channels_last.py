"""Direct convolution after a change of layout to channels-last, the layout CPU kernels like best."""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.direct import direct_work
from circulant.problems.convolution import ConvolutionProblem


@final
class ChannelsLast(Algorithm[ConvolutionProblem]):
    name = AlgorithmName.CHANNELS_LAST

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        if problem.ndim == 1:
            return Rejected("torch has no channels-last layout for 1 spatial axis")
        return None

    def work(self, problem: ConvolutionProblem) -> Work:
        plain = direct_work(problem)
        copies = problem.io_byte
        return Work(plain.flop, plain.byte + 2 * copies, copies, plain.error_growth)
