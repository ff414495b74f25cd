"""Linear attention and the delta rule's solve: step after step, in chunks, or as one masked square.

Chunks: what came before enters through the state, and inside, the square of scores q . k is masked by the
decay. Where the decay differs between channels there is no such mask, and the square is halved instead:
its lower left quarter is a product of later queries, faded back to the middle, with earlier keys, faded
on to the middle; the two triangles are halved again. No factor is ever above 1, so nothing overflows.
"""

from typing import NamedTuple, final

import torch

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.fft import compute_itemsize
from circulant.core.sizes import product
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.linear_attention import Decay, LinearAttentionProblem

AttentionProblem = LinearAttentionProblem | DeltaSolveProblem

CHUNK = 64  # steps; the work inside chunks then equals that between them for heads of 64 channels
BLOCK = 8  # steps that the native core takes at once
VECTOR_BYTE = 64  # of the widest
MOST_TILED_KEYS = 256
FEWEST_TILED_STEPS = 16  # what matrix units take
MOST_TILED_STEPS = 32  # the square of factors between more does not fit on a chip beside the rest
STEP_FLOP = 4e5  # arithmetic that takes as long as the calls of a step
GROWTH = 8.0


def attention_flop(problem: AttentionProblem, chunk: int) -> float:
    """Products inside chunks of so many steps, and with the states between them."""
    inside = 2.0 * min(chunk, problem.length) * (problem.keys + problem.values)
    return problem.batch * problem.heads * problem.length * inside + problem.flop


def computed_byte(problem: AttentionProblem) -> float:
    """Bytes of operands and result as they are computed."""
    numbers = sum(map(product, (*problem.operand_shapes, problem.result_shape)))
    return float(compute_itemsize(problem.dtype.itemsize) * numbers)


class Room(NamedTuple):
    """Arrays held at once, in multiples of k, of v, of all chunks' states, and of their squares of pairs."""

    keys: float
    values: float
    states: float = 0.0
    squares: float = 0.0


# As counted by tests/engine/test_workspace.py; squares of a head's factors are shared by all chunks.
SEQUENTIAL_ROOM = {
    Decay.NONE: Room(0.15, 1.2),
    Decay.HEAD: Room(0.15, 1.2),
    Decay.STEP: Room(0.15, 1.2),
    Decay.KEY: Room(1.15, 1.15),
    Decay.VALUE: Room(0.1, 2.2),
}
ATTENTION_ROOM = {
    Decay.NONE: Room(2.0, 1.0, 2.0, 1.8),
    Decay.HEAD: Room(2.7, 0.7, 3.1, 2.0),
    Decay.STEP: Room(3.0, 0.0, 2.2, 3.8),
    Decay.KEY: Room(7.1, 0.0, 2.0, 2.7),
    Decay.VALUE: Room(4.4, 6.3, 1.5, 0.2),
}
SOLVE_ROOM = {
    Decay.NONE: Room(3.3, 3.3, 0.7, 1.6),
    Decay.HEAD: Room(4.3, 3.3, 0.7, 1.6),
    Decay.STEP: Room(2.6, 1.1, 2.4, 3.7),
    Decay.KEY: Room(6.7, 1.9, 0.0, 2.7),
}
ONE_SQUARE_OF_A_HEAD = 4.4  # without a second chunk to share it


def held_byte(problem: AttentionProblem, room: Room, chunk: int) -> float:
    """Bytes of the arrays of a room, with copies for reversed time and of widened half precision."""
    p, chunk = problem, min(chunk, problem.length)
    chunks = -(-p.length // chunk)
    steps = float(p.batch * p.heads * chunks * chunk)
    keys = room.keys + p.reverse * (2 + (p.decay is Decay.KEY))
    values = room.values + p.reverse * (1.5 + (p.decay is Decay.VALUE))
    states = p.keys * p.values / chunk
    side = chunk if p.decay is Decay.NONE else 1 << (chunk - 1).bit_length()  # is halved down to single steps
    squares = side**2 / chunk
    numbers = steps * (keys * p.keys + values * p.values + room.states * states + room.squares * squares)
    itemsize = compute_itemsize(p.dtype.itemsize)
    return itemsize * numbers + (computed_byte(p) if itemsize != p.dtype.itemsize else 0.0)


@final
class SequentialAttention(Algorithm[AttentionProblem]):
    """Step after step, all heads at once."""

    name = AlgorithmName.SEQUENTIAL

    def rejects(self, problem: AttentionProblem) -> Rejected | None:
        return None

    def work(self, problem: AttentionProblem) -> Work:
        p = problem
        states = float(compute_itemsize(p.dtype.itemsize) * p.batch * p.heads * p.keys * p.values)
        held = held_byte(p, SEQUENTIAL_ROOM[p.decay], 1) + 4 * states
        return Work(2 * p.flop + p.length * STEP_FLOP, 8 * p.length * states, held, GROWTH)


def chunked_work(problem: AttentionProblem, room: Room, chunk: int, flop: float) -> Work:
    held = held_byte(problem, room, chunk)
    return Work(flop, computed_byte(problem) + 2 * held, held, GROWTH)


def room_of(problem: AttentionProblem) -> Room:
    is_solve = isinstance(problem, DeltaSolveProblem)
    return (SOLVE_ROOM if is_solve else ATTENTION_ROOM)[problem.decay]


@final
class ChunkedAttention(Algorithm[AttentionProblem]):
    """All chunks at once, but for the states, which pass from chunk to chunk."""

    name = AlgorithmName.CHUNKED

    def rejects(self, problem: AttentionProblem) -> Rejected | None:
        return None

    def work(self, problem: AttentionProblem) -> Work:
        return chunked_work(problem, room_of(problem), CHUNK, attention_flop(problem, CHUNK))


@final
class QuadraticAttention(Algorithm[AttentionProblem]):
    """The scores of all pairs of steps as one square: for short inputs."""

    name = AlgorithmName.DIRECT

    def rejects(self, problem: AttentionProblem) -> Rejected | None:
        return None

    def work(self, problem: AttentionProblem) -> Work:
        p, room = problem, room_of(problem)
        if p.decay is Decay.HEAD:
            room = room._replace(squares=ONE_SQUARE_OF_A_HEAD)
        return chunked_work(p, room, p.length, attention_flop(p, p.length) - (0 if p.has_initial else p.flop))


@final
class FusedChunkedAttention(Algorithm[AttentionProblem]):
    """Blocks of a few steps one after another, with the state in cache and scores in registers."""

    name = AlgorithmName.CHUNKED

    def rejects(self, problem: AttentionProblem) -> Rejected | None:
        return None

    def work(self, problem: AttentionProblem) -> Work:
        """A number of the state takes a product to fade, for each block, beside those of its steps."""
        p = problem
        itemsize = compute_itemsize(p.dtype.itemsize)
        vector = VECTOR_BYTE // itemsize
        keys, values = _round_up(p.keys, vector), _round_up(p.values, 2 * vector)
        thread = p.keys * values + (5 * BLOCK + 1) * keys + 3 * BLOCK * values + BLOCK**2
        apart = computed_byte(p) if itemsize != p.dtype.itemsize else 0.0  # half precision, widened
        flop = attention_flop(p, BLOCK) + p.flop / (4 * BLOCK)
        return Work(flop, p.io_byte + 2 * apart, apart, GROWTH, float(itemsize * thread))


@final
class TiledAttention(Algorithm[AttentionProblem]):
    """Chunk after chunk with the state in registers; short ones where pairs of steps are taken one by one."""

    name = AlgorithmName.CHUNKED

    def rejects(self, problem: AttentionProblem) -> Rejected | None:
        if problem.keys > MOST_TILED_KEYS:
            return Rejected(f"keeps a state of up to {MOST_TILED_KEYS} key channels, got {problem.keys}")
        return None

    def work(self, problem: AttentionProblem) -> Work:
        p = problem
        apart = computed_byte(p) if p.dtype.itemsize < compute_itemsize(p.dtype.itemsize) else 0.0
        return Work(attention_flop(p, self.steps(p)), p.io_byte, apart, GROWTH)

    def steps(self, problem: AttentionProblem) -> int:
        """Of a chunk."""
        is_masked = isinstance(problem, LinearAttentionProblem) and not problem.decay.is_vector
        is_narrow = problem.dtype.itemsize <= torch.float32.itemsize
        return MOST_TILED_STEPS if is_masked and is_narrow else FEWEST_TILED_STEPS


def _round_up(size: int, unit: int) -> int:
    return -(-size // unit) * unit
