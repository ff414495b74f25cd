"""A transform as a product with the DFT matrix: what matrix units do best at short lengths."""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.problems.transform import TransformProblem

LONGEST = 4096  # the two matrices already take 128 MiB in float32
ENTRY_BYTE = 32  # while the matrices are made: phase, angle, cosine and sine in float64


@final
class DFTMatrix(Algorithm[TransformProblem]):
    name = AlgorithmName.DFT_MATRIX

    def rejects(self, problem: TransformProblem) -> Rejected | None:
        if problem.n > LONGEST:
            return Rejected(f"keeps matrices up to n = {LONGEST}, the problem has n = {problem.n}")
        return None

    def work(self, problem: TransformProblem) -> Work:
        bins = problem.n if problem.kind.is_complex else problem.n // 2 + 1
        products = 4 if problem.kind.is_complex else 2
        flop = 2.0 * products * problem.rows * bins * problem.n
        matrices = 2.0 * problem.dtype.itemsize * bins * problem.n
        making = float(ENTRY_BYTE * bins * problem.n)
        return Work(flop, problem.io_byte + matrices, making, error_growth=problem.n**0.5)
