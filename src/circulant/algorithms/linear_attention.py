"""Linear attention and the delta rule's solve: step after step, in chunks, or as one masked square.

Chunks: what came before enters through the state, and inside, the square of scores q . k is masked by the
decay. Where the decay differs between channels there is no such mask, and the square is halved instead:
its lower left quarter is a product of later queries, faded back to the middle, with earlier keys, faded
on to the middle; the two triangles are halved again. No factor is ever above 1, so nothing overflows.
"""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.fft import compute_itemsize
from circulant.core.sizes import product
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.linear_attention import Decay, LinearAttentionProblem

AttentionProblem = LinearAttentionProblem | DeltaSolveProblem

CHUNK = 64  # steps; the work inside chunks then equals that between them for heads of 64 channels
GROWTH = 8.0


def attention_flop(problem: AttentionProblem, chunk: int) -> float:
    """Products inside chunks of so many steps, and with the states between them."""
    inside = 2.0 * min(chunk, problem.length) * (problem.keys + problem.values)
    return problem.batch * problem.heads * problem.length * inside + problem.flop


def computed_byte(problem: AttentionProblem) -> float:
    """Bytes of operands and result as they are computed."""
    numbers = sum(map(product, (*problem.operand_shapes, problem.result_shape)))
    return float(compute_itemsize(problem.dtype.itemsize) * numbers)


def step_byte(problem: AttentionProblem, width: int) -> float:
    """Bytes of so many numbers for each step of each head."""
    steps = problem.batch * problem.heads * problem.length
    return float(compute_itemsize(problem.dtype.itemsize) * steps * width)


@final
class SequentialAttention(Algorithm[AttentionProblem]):
    """Step after step, all heads at once."""

    name = AlgorithmName.SEQUENTIAL

    def rejects(self, problem: AttentionProblem) -> Rejected | None:
        return None

    def work(self, problem: AttentionProblem) -> Work:
        states = step_byte(problem, problem.keys * problem.values)
        room = 2 * computed_byte(problem) + 4 * states / problem.length
        return Work(2 * problem.flop, 8 * states, room, GROWTH)


@final
class ChunkedAttention(Algorithm[AttentionProblem]):
    """All chunks at once, but for the states, which pass from chunk to chunk."""

    name = AlgorithmName.CHUNKED

    def rejects(self, problem: AttentionProblem) -> Rejected | None:
        return None

    def work(self, problem: AttentionProblem) -> Work:
        p = problem
        states = 3 * step_byte(p, p.keys * p.values) / min(CHUNK, p.length)
        squares = 3 * step_byte(p, CHUNK)
        room = 4 * computed_byte(p) + states + squares
        return Work(attention_flop(p, CHUNK), 4 * computed_byte(p) + states + squares, room, GROWTH)


@final
class QuadraticAttention(Algorithm[AttentionProblem]):
    """The scores of all pairs of steps as one square: for short inputs."""

    name = AlgorithmName.DIRECT

    def rejects(self, problem: AttentionProblem) -> Rejected | None:
        return None

    def work(self, problem: AttentionProblem) -> Work:
        p = problem
        squares = 3 * step_byte(p, p.length if p.decay is not Decay.VALUE else 1)
        flop = attention_flop(p, p.length) - (0 if p.has_initial else p.flop)
        return Work(flop, 4 * computed_byte(p) + squares, 4 * computed_byte(p) + squares, GROWTH)
