"""Frequency-sparse long convolution: by FFT with a mask, and by matrix products that skip what is masked."""

from functools import lru_cache
from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.fft import ROW_HELD, ROW_PRODUCT_HELD, compute_itemsize, growth
from circulant.algorithms.monarch import ORDERS, PASS
from circulant.algorithms.tree_transform import buffer_byte, roots_byte
from circulant.core.cost import rfft_flop
from circulant.core.sizes import Shape, product, smooth_length
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.trilinear import Slot

LAG_BYTE = 8
LARGEST_FACTOR = 256  # of a transform by matrix products: its cost grows with the sum of the factors


@final
class FFTFrequencySparseConv(Algorithm[FrequencySparseConvProblem]):
    name = AlgorithmName.FFT

    def rejects(self, problem: FrequencySparseConvProblem) -> Rejected | None:
        return None

    def work(self, problem: FrequencySparseConvProblem) -> Work:
        p = problem
        rows = 2 * p.batch * p.channels + p.channels
        spectra = compute_itemsize(p.dtype.itemsize) * p.n * rows
        flop = rfft_flop(p.n) * rows + 6.0 * p.keep * p.batch * p.channels
        held = ROW_PRODUCT_HELD if p.slot is Slot.KERNEL else ROW_HELD
        return Work(flop, p.io_byte + 3 * spectra, held * spectra, growth(p.n))


@final
class FusedFFTFrequencySparseConv(Algorithm[FrequencySparseConvProblem]):
    """A long convolution with the kernel that the mask leaves: rows in cache, one after another."""

    name = AlgorithmName.FFT

    def rejects(self, problem: FrequencySparseConvProblem) -> Rejected | None:
        return None

    def work(self, problem: FrequencySparseConvProblem) -> Work:
        p, dense = problem, smooth_length(2 * problem.length)
        rows = 2 * p.batch * p.channels + p.channels
        flop = rfft_flop(dense) * rows + 2 * rfft_flop(p.n) * p.channels + 3.0 * dense * p.batch * p.channels
        itemsize = compute_itemsize(p.dtype.itemsize)
        taps = itemsize * p.channels * max(3.0 * p.n, p.n + 2.0 * p.length)  # masked, and by lag
        taps += LAG_BYTE * 2.0 * p.length
        copies = 0.0 if itemsize == p.dtype.itemsize else 2.0 * itemsize * p.batch * p.channels * p.length
        samples, buffers = 2 * p.length, 3 if p.slot is Slot.KERNEL else 2
        shared = taps + copies + roots_byte(samples, itemsize)
        thread = buffers * buffer_byte(samples, itemsize)
        return Work(flop, p.io_byte + 2 * taps, shared, growth(dense), thread)


@final
class MonarchFrequencySparseConv(Algorithm[FrequencySparseConvProblem]):
    """The last step of the transform, and the first one back, leave out rows of which no bin is kept."""

    name = AlgorithmName.MONARCH

    def rejects(self, problem: FrequencySparseConvProblem) -> Rejected | None:
        if sparse_factors(problem.n, problem.keep):
            return None
        return Rejected(
            f"needs n as a product of 2 to {max(ORDERS)} factors up to {LARGEST_FACTOR}, got n = {problem.n}"
        )

    def work(self, problem: FrequencySparseConvProblem) -> Work:
        p, factors = problem, sparse_factors(problem.n, problem.keep)
        rows = 2 * p.batch * p.channels + p.channels
        flop = rows * _transform_flop(factors, p.keep)
        pairs = compute_itemsize(p.dtype.itemsize) * p.n
        passes = 2.0 * len(factors) * pairs * rows
        return Work(flop, p.io_byte + passes, 2.0 * pairs * (rows + 1), error_growth=3.0 + len(factors))


@lru_cache(maxsize=4096)
def sparse_factors(n: int, keep: int) -> Shape:
    """The cheapest 2 to 4 factors of n, the largest last; none where one would be too large."""
    found = [factors for order in ORDERS for factors in _factorisations(n, order, 2)]
    return min(found, key=lambda factors: _expense(factors, keep), default=())


def _factorisations(n: int, order: int, least: int) -> list[Shape]:
    """Ascending factors from `least` on."""
    if order == 1:
        return [(n,)] if least <= n <= LARGEST_FACTOR else []
    leading = (f for f in range(least, min(n, LARGEST_FACTOR) + 1) if n % f == 0)
    return [(f, *rest) for f in leading for rest in _factorisations(n // f, order - 1, f)]


def _expense(factors: Shape, keep: int) -> float:
    """Arithmetic, and a pass over memory for each factor."""
    return _transform_flop(factors, keep) + 4.0 * PASS * product(factors) * len(factors)


def kept_rows(factors: Shape, keep: int) -> tuple[int, ...]:
    """Rows of the last step that hold a kept bin.

    Of the first step there are the bins k1 = 0 .. n1 // 2, the others are their mirror images. Row r
    of the last step holds the bins of r step .. r step + span, which stand for n - bin beyond n / 2.
    """
    n, last = product(factors), factors[-1]
    step = n // last
    span = step - factors[0] + factors[0] // 2
    return tuple(r for r in range(last) if r * step < keep or n - (r * step + span) < keep)


def _transform_flop(factors: Shape, keep: int) -> float:
    """Multiplications and additions of one real row, one way."""
    first, *rest = factors
    bins = first // 2 + 1
    inner = product(factors) // first
    flop = 4.0 * bins * first * inner
    sizes = [*rest[:-1], len(kept_rows(factors, keep))]
    for f, rows in zip(rest, sizes):
        flop += 8.0 * bins * rows * inner
        bins, inner = bins * f, inner // f
    return flop
