r"""Monarch: a Fourier transform of length N = N1 ... Np as p matrix products with twiddles between them.

A real sequence of up to 2N samples is taken as N complex ones, x[j] + i x[j + N], and evaluated where
z^N = i. The product of two such transforms is the transform of their convolution, wrapped after 2N
samples with its sign changed: nothing has to be unpacked, and the extra roots vanish into the first
matrix and the first twiddle.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product as index_product
from math import ceil
from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.fft import compute_itemsize
from circulant.core.sizes import Shape, product
from circulant.problems.long_conv import LongConvProblem

ORDERS = (2, 3, 4)
TILE = 16  # a matrix unit takes as long for a smaller factor
PASS = 32  # a pass over memory is worth as much as a factor of that size: orders change at 1K and 32K


@lru_cache(maxsize=4096)
def monarch_factors(n: int, order: int | None = None) -> Shape:
    """The factors of the cheapest transform of at least n points, of any order unless one is asked for."""
    orders = ORDERS if order is None else (order,)
    return min((factors for p in orders for factors in _candidates(n, p)), key=expense)


def _candidates(n: int, order: int) -> list[Shape]:
    """Factors around the root of n; the last is what then remains."""
    root = ceil(n ** (1 / order) - 1e-9)
    tile = min(TILE, 1 << (root - 1).bit_length())
    sizes = {root, *(size for size in (tile, root // tile * tile, -(-root // tile) * tile) if size)}
    found = []
    for leading in index_product(sorted(sizes, reverse=True), repeat=order - 1):
        found.append((*leading, -(-n // product(leading))))
    return found


def expense(factors: Shape) -> float:
    """What a transform takes, in units of its own, by which factors are compared."""
    tiles = sum(-(-factor // TILE) * TILE + PASS for factor in factors)
    return float(product(factors) * tiles)


def linear_length(problem: LongConvProblem) -> int:
    """Samples that must not wrap; a circular problem is solved as a linear one and folded."""
    p = problem
    return p.length + p.kernel - 1 if p.circular else p.transform_room


@final
@dataclass(frozen=True, slots=True)
class MonarchLongConv(Algorithm[LongConvProblem]):
    """order: number of factors, 2 to 4, or None for the cheapest at the problem's length."""

    order: int | None = None
    name = AlgorithmName.MONARCH

    def factors(self, problem: LongConvProblem) -> Shape:
        """Their product N is the number of complex points; 2N real samples do not wrap."""
        return monarch_factors(ceil(linear_length(problem) / 2), self.order)

    def rejects(self, problem: LongConvProblem) -> Rejected | None:
        return None

    def work(self, problem: LongConvProblem) -> Work:
        p, factors = problem, self.factors(problem)
        points, rows = product(factors), 2 * p.batch * p.channels + p.channels
        flop = 8.0 * points * sum(factors) * rows + 6.0 * points * p.batch * p.channels
        pairs = 2.0 * compute_itemsize(p.dtype.itemsize) * points
        passes = 2.0 * len(factors) * pairs * rows
        return Work(flop, p.io_byte + passes, pairs * (2.25 * rows + 2), error_growth=3.0 + len(factors))
