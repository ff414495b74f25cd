"""Recurrences: step after step, or in chunks whose steps are taken together."""

from math import isqrt
from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.fft import compute_itemsize
from circulant.core.sizes import product
from circulant.problems.problem import Problem
from circulant.problems.recurrence import RecurrenceProblem
from circulant.problems.selective_scan import SelectiveScanProblem

GROWTH = 4.0  # errors are forgotten as states are, but for factors near 1
LANES = 16  # of the widest vectors
LONGEST_CHUNK = 256


def chunk_length(length: int) -> int:
    """Fewest steps one after another: two passes through a chunk, and one over the chunks."""
    return max(1, isqrt(length // 2))


def recurrence_work(problem: RecurrenceProblem, workspace_byte: float) -> Work:
    return Work(problem.flop, problem.io_byte, workspace_byte, GROWTH)


@final
class Sequential(Algorithm[RecurrenceProblem]):
    """Step after step, all channels at once."""

    name = AlgorithmName.SEQUENTIAL

    def rejects(self, problem: RecurrenceProblem) -> Rejected | None:
        return None

    def work(self, problem: RecurrenceProblem) -> Work:
        return recurrence_work(problem, (1 + _operand_copies(problem)) * computed_byte(problem))


@final
class FusedSequential(Algorithm[RecurrenceProblem]):
    """The same, with every operand read once and nothing kept but a tile in registers."""

    name = AlgorithmName.SEQUENTIAL

    def rejects(self, problem: RecurrenceProblem) -> Rejected | None:
        return None

    def work(self, problem: RecurrenceProblem) -> Work:
        return recurrence_work(problem, 0.0)


@final
class ChunkedScan(Algorithm[RecurrenceProblem]):
    """All chunks together: where each ends without a past, then every past, then every step."""

    name = AlgorithmName.SCAN

    def rejects(self, problem: RecurrenceProblem) -> Rejected | None:
        return None

    def work(self, problem: RecurrenceProblem) -> Work:
        plain = recurrence_work(problem, (4 + _operand_copies(problem)) * computed_byte(problem))
        return Work(2 * plain.flop, 4 * plain.byte, plain.workspace_byte, plain.error_growth)


@final
class SelectiveChunkedScan(Algorithm[SelectiveScanProblem]):
    """The states of a chunk at a time, by a chunked scan."""

    name = AlgorithmName.SCAN

    def rejects(self, problem: SelectiveScanProblem) -> Rejected | None:
        return None

    def work(self, problem: SelectiveScanProblem) -> Work:
        p, itemsize = problem, compute_itemsize(problem.dtype.itemsize)
        chunk = itemsize * product(p.state_shape) * self.chunk(p)
        starts = itemsize * product(p.state_shape) * -(-p.length // self.chunk(p)) if p.gradients else 0
        arrays = 11.0 if p.gradients else 8.0  # of a chunk's states
        parts = float(itemsize * product(p.result_shape)) if p.gradients else 0.0
        return Work(p.flop, p.io_byte + 8.0 * chunk, arrays * chunk + starts + 2 * parts, GROWTH)

    def chunk(self, problem: SelectiveScanProblem) -> int:
        """Steps whose states are in memory at once."""
        return min(problem.length, LONGEST_CHUNK)


@final
class SelectiveFusedScan(Algorithm[SelectiveScanProblem]):
    """States in registers; gradients keep them at the start of each chunk and compute the others again."""

    name = AlgorithmName.SCAN

    def rejects(self, problem: SelectiveScanProblem) -> Rejected | None:
        return None

    def work(self, problem: SelectiveScanProblem) -> Work:
        p, itemsize = problem, compute_itemsize(problem.dtype.itemsize)
        vectors = 2 * p.state + 3 * LANES
        if p.gradients:
            vectors += (-(-p.length // self.chunk(p)) + 2) * p.state + 8 * self.chunk(p)
        # gradients of A of each image, and the operands and cotangents that are not read in half precision
        apart = product(p.state_shape) if p.gradients else 0
        if itemsize != p.dtype.itemsize:
            apart += sum(product(p.operand_shapes[at]) for at in (2, *range(5, len(p.operand_shapes))))
        thread = float(itemsize * (vectors * LANES + self._unsummed(p)))
        return Work(p.flop, p.io_byte, float(itemsize * apart), GROWTH, thread)

    def _unsummed(self, problem: SelectiveScanProblem) -> float:
        """Gradients of B and C for each thread, at most, where several threads share a group.

        There are as many as threads, in whole multiples of the pairs of an image and a group; none
        while there are pairs enough for all threads.
        """
        p, pairs = problem, problem.batch * problem.groups
        if not p.gradients or p.channels // p.groups <= LANES:
            return 0.0
        return 2.0 * p.state * p.length * 2 * pairs / (pairs + 1)

    def chunk(self, problem: SelectiveScanProblem) -> int:
        """Steps whose states are kept at once: as many as there are chunks, while they stay in cache."""
        return min(LONGEST_CHUNK, -(-isqrt(problem.length) // LANES) * LANES) if problem.length else LANES


def _operand_copies(problem: RecurrenceProblem) -> int:
    """Factors and input, reversed for the adjoint, and widened from half precision."""
    is_half = problem.dtype.itemsize < compute_itemsize(problem.dtype.itemsize)
    return 2 * problem.adjoint + 2 * is_half


def computed_byte(problem: Problem) -> float:
    return float(compute_itemsize(problem.dtype.itemsize) * product(problem.result_shape))
