"""The lowest frequencies: a whole transform and a cut, or products with the few waves that are kept."""

from dataclasses import replace
from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.fft import compute_itemsize, growth
from circulant.algorithms.transform import FastTransform, FusedTransform
from circulant.core.sizes import product
from circulant.problems.low_frequencies import LowFrequenciesProblem

WAVE_BYTE = 32  # of an entry of the matrices while they are made: phase, angle, cosine and sine in float64
HELD = 1.75  # of what goes into a product and comes out: shares of real and imaginary parts are added up


@final
class CutTransform(Algorithm[LowFrequenciesProblem]):
    name = AlgorithmName.FFT

    def rejects(self, problem: LowFrequenciesProblem) -> Rejected | None:
        return None

    def work(self, problem: LowFrequenciesProblem) -> Work:
        p, whole = problem, FastTransform().work(problem.whole)
        spectrum = float(p.rows * product(p.kind.bins(p.sizes)) * 2 * compute_itemsize(p.dtype.itemsize))
        return Work(
            whole.flop, whole.byte + spectrum, whole.workspace_byte + spectrum, growth(product(p.sizes))
        )


@final
class FusedCutTransform(Algorithm[LowFrequenciesProblem]):
    """Lines that keep what is wanted of them, so that fewer are transformed along the other axes."""

    name = AlgorithmName.FFT

    def rejects(self, problem: LowFrequenciesProblem) -> Rejected | None:
        return FusedTransform().rejects(problem.whole)

    def work(self, problem: LowFrequenciesProblem) -> Work:
        p, itemsize = problem, compute_itemsize(problem.dtype.itemsize)
        whole = FusedTransform().work(p.whole)
        lines = replace(p.whole, rows=p.rows * product(p.sizes[:-1]), sizes=p.sizes[-1:]).flop
        share = p.modes[-1] / (p.sizes[-1] // 2 + 1)
        uncut = 2.0 * itemsize * p.rows * product(p.sizes[:-1]) * p.modes[-1]
        copies = (len(p.sizes) > 1) * uncut
        if itemsize != p.dtype.itemsize:
            copies += itemsize * (product(p.operand_shapes[0]) + product(p.result_shape))
        flop = whole.flop * (lines + (p.flop - lines) * share) / p.flop if p.flop else 0.0
        return Work(flop, p.io_byte + 2 * uncut, copies, whole.error_growth, whole.thread_byte)


@final
class WaveProducts(Algorithm[LowFrequenciesProblem]):
    """Axis by axis, that of the samples' lines first on the way there and last on the way back."""

    name = AlgorithmName.DFT_MATRIX

    def rejects(self, problem: LowFrequenciesProblem) -> Rejected | None:
        return None

    def work(self, problem: LowFrequenciesProblem) -> Work:
        p, itemsize = problem, compute_itemsize(problem.dtype.itemsize)
        flop, byte, held, making = 0.0, float(p.io_byte), 0.0, 0.0
        for axis in range(len(p.sizes)):
            is_last = axis == len(p.sizes) - 1
            bins, n = p.kept[axis], p.sizes[axis]
            # samples of the axes before, bins of those after
            others = p.rows * product(p.sizes[:axis]) * product(p.kept[axis + 1 :])
            flop += (4.0 if is_last else 8.0) * others * bins * n
            making = max(making, float(WAVE_BYTE * bins * n))
            if not is_last:
                pairs = 2.0 * itemsize * others
                byte, held = byte + pairs * (n + bins), max(held, HELD * pairs * (n + bins))
        if itemsize != p.dtype.itemsize:
            held += itemsize * (product(p.operand_shapes[0]) + product(p.result_shape))
        growing = sum(n**0.5 for n in p.sizes)
        return Work(flop, byte, held + making, error_growth=growing)
