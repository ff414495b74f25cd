"""A transform as a product with the DFT matrix: what matrix units do best at short lengths."""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.core.sizes import product
from circulant.problems.transform import TransformProblem

LONGEST = 4096  # the two matrices already take 128 MiB in float32
PARTS_HELD = 1.5  # of operand and result, while real parts and imaginary ones lie apart
ENTRY_BYTE = 32  # while the matrices are made: phase, angle, cosine and sine in float64


@final
class DFTMatrix(Algorithm[TransformProblem]):
    name = AlgorithmName.DFT_MATRIX

    def rejects(self, problem: TransformProblem) -> Rejected | None:
        longest = max(problem.sizes)
        if longest > LONGEST:
            return Rejected(f"keeps matrices up to n = {LONGEST}, the problem has n = {longest}")
        return None

    def work(self, problem: TransformProblem) -> Work:
        """Axis by axis: real products along the last of a real transform, complex ones along the others."""
        p, flop, matrices, making = problem, 0.0, 0.0, 0.0
        total = p.rows * product(p.kind.bins(p.sizes))
        for axis, n in enumerate(p.sizes):
            products = 1 if p.kind.is_cosine else 2 if p.is_real_along(axis) else 4
            bins = p.kind.bins(p.sizes)[axis]
            flop += 2.0 * products * total * n
            matrices += (1.0 if p.kind.is_cosine else 2.0) * p.dtype.itemsize * bins * n
            making = max(making, float(ENTRY_BYTE * bins * n))
        moved = (2 * len(p.sizes) - 1) * p.io_byte + matrices  # every axis but one is copied to the end
        if len(p.sizes) > 1:
            making += p.io_byte * (1.0 if p.kind.is_complex or p.kind.is_cosine else PARTS_HELD)
        return Work(flop, moved, making, error_growth=sum(n**0.5 for n in p.sizes))
