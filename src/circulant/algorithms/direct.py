"""Direct evaluation: every tap multiplied and added."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, P, Rejected, Work
from circulant.algorithms.direct_memory import no_memory
from circulant.core.sizes import product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.problem import Problem


def direct_work(problem: Problem) -> Work:
    terms = problem.flop / 2 / max(product(problem.result_shape), 1)
    return Work(problem.flop, problem.io_byte, 0.0, error_growth=sqrt(max(terms, 1.0)))


@final
@dataclass(frozen=True, slots=True)
class Direct(Algorithm[P]):
    """Any problem, as its equation stands.

    memory: bytes besides operands and result, of the function that runs it. Scratch memory that a
    library keeps to itself, as oneDNN does, is not known and not in them.
    """

    memory: Callable[[Any], float] = no_memory
    name = AlgorithmName.DIRECT

    def rejects(self, problem: P) -> Rejected | None:
        return None

    def work(self, problem: P) -> Work:
        return replace(direct_work(problem), workspace_byte=self.memory(problem))


@final
class DirectDepthwise(Algorithm[ConvolutionProblem]):
    """Depthwise convolution of series, images and volumes, nothing but operands and result in memory."""

    name = AlgorithmName.DIRECT

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        return no_depthwise(problem)

    def work(self, problem: ConvolutionProblem) -> Work:
        return direct_work(problem)


def no_depthwise(problem: ConvolutionProblem) -> Rejected | None:
    if problem.groups == problem.in_channels:
        return None
    return Rejected(
        f"takes depthwise problems, this one maps {problem.in_channels} to "
        f"{problem.out_channels} channels in {problem.groups} groups"
    )
