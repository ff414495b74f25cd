"""Fast Fourier and cosine transforms: by a library, or side by side in the lanes of vectors."""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.fft import compute_itemsize, growth
from circulant.core.sizes import product
from circulant.problems.transform import TransformKind, TransformProblem

INVERSE_HELD = 2.0  # what torch makes of a half spectrum along the other axes
COSINE_HELD, COSINE_ADJOINT_HELD = 1.5, 3.0  # samples in another order, their spectrum, the same turned
COSINE_PASSES = 4
LONGEST_LINE, LARGEST_FACTOR = 8192, 13  # of the lines that the native core transforms
VECTOR_BYTE = 64  # of the widest vectors
CHUNK_BYTE = 1 << 18  # of the rows that go through all axes before the next ones


@final
class FastTransform(Algorithm[TransformProblem]):
    name = AlgorithmName.FFT

    def rejects(self, problem: TransformProblem) -> Rejected | None:
        return None

    def work(self, problem: TransformProblem) -> Work:
        """workspace_byte: copies in float32 of what is half precision, and of an operand that is changed."""
        p, itemsize = problem, compute_itemsize(problem.dtype.itemsize)
        operand, axes = float(itemsize * product(p.operand_shapes[0])), len(p.sizes)
        copies, passes = 0.0, axes
        if p.kind.takes_half_spectrum:
            changed = 0.0 if p.kind.counts_mirror_images else 1.0  # in a copy
            copies = (changed + (INVERSE_HELD if axes > 1 else 0.0)) * operand
        elif p.kind.is_cosine:
            held = COSINE_HELD if p.kind is TransformKind.COSINE else COSINE_ADJOINT_HELD
            copies, passes = (held + (axes > 1)) * operand, COSINE_PASSES * axes
        if itemsize != p.dtype.itemsize:
            copies += operand + itemsize * product(p.result_shape)
        return Work(p.flop, passes * p.io_byte, copies, growth(product(p.sizes)))


@final
class FusedTransform(Algorithm[TransformProblem]):
    """Lines side by side in the lanes of vectors, some rows after another in cache through all their axes."""

    name = AlgorithmName.FFT

    def rejects(self, problem: TransformProblem) -> Rejected | None:
        for n in problem.sizes:
            if n > LONGEST_LINE or rough_part(n) > 1:
                wanted = f"lengths up to {LONGEST_LINE} without prime factors above {LARGEST_FACTOR}"
                return Rejected(f"needs {wanted}, got {n}")
        return None

    def work(self, problem: TransformProblem) -> Work:
        """flop: those of the lanes that a block of lines leaves empty too."""
        p, itemsize = problem, compute_itemsize(problem.dtype.itemsize)
        lines = p.rows * product(p.sizes[:-1])
        abreast = VECTOR_BYTE // itemsize * (1 if p.kind.is_complex else 2)
        padding = -(-lines // abreast) * abreast / lines
        operand, result = product(p.operand_shapes[0]), product(p.result_shape)
        between = 0.0
        if p.kind.takes_half_spectrum and len(p.sizes) > 1:
            between = itemsize * operand / p.rows * self.rows_at_once(p)
        copies = 0.0 if itemsize == p.dtype.itemsize else float(itemsize * (operand + result))
        thread = self.buffer_byte(p) + between
        return Work(p.flop * padding, p.io_byte, copies, growth(product(p.sizes)), thread)

    def buffer_byte(self, problem: TransformProblem) -> float:
        """Of the lines of a block, of each thread."""
        return 2.0 * (2 * max(problem.sizes) + 4) * VECTOR_BYTE

    def rows_at_once(self, problem: TransformProblem) -> int:
        """At most: a thread's share where that is more than a chunk that stays in cache."""
        p, itemsize = problem, compute_itemsize(problem.dtype.itemsize)
        row = itemsize * (product(p.operand_shapes[0]) + product(p.result_shape)) // p.rows
        lines = product(p.sizes[:-1])
        unit = -(-2 * (VECTOR_BYTE // itemsize) // lines)
        return min(p.rows, -(-max(1, CHUNK_BYTE // row) // unit) * unit)


def rough_part(n: int) -> int:
    """n without its prime factors up to LARGEST_FACTOR."""
    for factor in range(2, LARGEST_FACTOR + 1):
        while n % factor == 0:
            n //= factor
    return n
