"""Direct evaluation: every tap multiplied and added."""

from dataclasses import replace
from math import sqrt
from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, P, Rejected, Work
from circulant.algorithms.fft import compute_itemsize
from circulant.core.sizes import product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.problem import Problem


def direct_work(problem: Problem) -> Work:
    terms = problem.flop / 2 / max(product(problem.result_shape), 1)
    return Work(problem.flop, problem.io_byte, 0.0, error_growth=sqrt(max(terms, 1.0)))


@final
class Direct(Algorithm[P]):
    """Any problem, as its equation stands."""

    name = AlgorithmName.DIRECT

    def rejects(self, problem: P) -> Rejected | None:
        return None

    def work(self, problem: P) -> Work:
        return direct_work(problem)


@final
class DirectDepthwise(Algorithm[ConvolutionProblem]):
    """Depthwise convolution of series, images and volumes, taps blocked in registers."""

    name = AlgorithmName.DIRECT

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        if problem.groups != problem.in_channels:
            return Rejected(
                f"takes depthwise problems, this one maps {problem.in_channels} to "
                f"{problem.out_channels} channels in {problem.groups} groups"
            )
        return None

    def work(self, problem: ConvolutionProblem) -> Work:
        return replace(direct_work(problem), workspace_byte=_channel_byte(problem))


def _channel_byte(problem: ConvolutionProblem) -> float:
    """About what a thread keeps at most: a channel of the padded input and its outputs."""
    multiplier = problem.out_channels // problem.in_channels
    samples = product(problem.padded_spatial) + multiplier * product(problem.output_spatial)
    return float(compute_itemsize(problem.dtype.itemsize) * samples)
