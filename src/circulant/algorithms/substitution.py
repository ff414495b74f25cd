"""Triangular systems by substitution: place after place, or a whole anti-diagonal at once."""

from math import sqrt
from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.fft import compute_itemsize
from circulant.core.sizes import product
from circulant.problems.inverse_conv import InverseConvProblem

VECTOR_BYTE = 64  # the widest vectors
EARLIER_BYTE = 16
RING_BYTE = 1 << 19  # half of a level-2 cache


def substitution_work(problem: InverseConvProblem, workspace_byte: float, thread_byte: float = 0.0) -> Work:
    p = problem
    terms = max(p.channels * product(p.kernel), 1)
    return Work(p.flop, p.io_byte, workspace_byte, 2 * sqrt(terms), thread_byte)


@final
class Substitution(Algorithm[InverseConvProblem]):
    """One place after another, in row-major order."""

    name = AlgorithmName.SUBSTITUTION

    def rejects(self, problem: InverseConvProblem) -> Rejected | None:
        return None

    def work(self, problem: InverseConvProblem) -> Work:
        return substitution_work(problem, _padded_byte(problem))


@final
class Wavefront(Algorithm[InverseConvProblem]):
    """All places of an anti-diagonal at once: as many steps as there are anti-diagonals."""

    name = AlgorithmName.WAVEFRONT

    def rejects(self, problem: InverseConvProblem) -> Rejected | None:
        return None

    def work(self, problem: InverseConvProblem) -> Work:
        return substitution_work(problem, _padded_byte(problem))


def _padded_byte(problem: InverseConvProblem) -> float:
    """x with its zeros, y with the batch innermost, and the windows of the longest front."""
    p, itemsize = problem, compute_itemsize(problem.dtype.itemsize)
    padded = product([size + k - 1 for size, k in zip(p.spatial, p.kernel)])
    longest = product(p.spatial) / max(p.spatial)
    samples = padded + 2 * product(p.spatial) + longest * (product(p.kernel) + 3)
    return float(itemsize * p.batch * p.channels * samples)


@final
class FusedWavefront(Algorithm[InverseConvProblem]):
    """A few images at a time, and in memory only those fronts that later ones still read."""

    name = AlgorithmName.WAVEFRONT

    def rejects(self, problem: InverseConvProblem) -> Rejected | None:
        return None

    def work(self, problem: InverseConvProblem) -> Work:
        """workspace_byte: the weights in another order, and where each earlier value lies."""
        p = problem
        weights = compute_itemsize(p.dtype.itemsize) * product(p.weight_shape)
        earlier = EARLIER_BYTE * p.channels * product(p.kernel)
        return substitution_work(p, float(weights + earlier), self.images(p) * _ring_byte(p))

    def images(self, problem: InverseConvProblem) -> int:
        """Images solved together: they fill vectors where anti-diagonals are short, while the cache lasts."""
        most = VECTOR_BYTE // compute_itemsize(problem.dtype.itemsize)
        images = 1
        while 2 * images <= min(most, problem.batch) and 2 * images * _ring_byte(problem) <= RING_BYTE:
            images *= 2
        return images


def _ring_byte(problem: InverseConvProblem) -> float:
    """Fronts that are kept, for one image: a tile of columns, and as many as a kernel reaches back."""
    p, itemsize = problem, compute_itemsize(problem.dtype.itemsize)
    fronts = VECTOR_BYTE // itemsize + sum(p.kernel) - p.ndim
    *lines, _ = (size + k - 1 for size, k in zip(p.spatial, p.kernel))
    return float(itemsize * fronts * p.channels * product(lines))
