r"""The lowest frequencies of real signals, and signals made of them.

Of the transforms of `problems.transform` only the bins k with k_d < m_d along the last axis and k_a < m_a or
k_a >= n_a - m_a along the others: RFFT and IRFFT_ADJOINT give those alone, IRFFT and RFFT_ADJOINT take those
alone, all others being zero. Shapes: real (rows, *sizes), pairs (rows, 2 m_1, .., m_d, 2), the last m_a of an
axis being the frequencies -m_a .. -1. 2 m_a <= n_a, and m_d <= n_d // 2 + 1.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from circulant.core.sizes import Shape
from circulant.problems.problem import Problem
from circulant.problems.transform import TransformKind, TransformProblem
from circulant.problems.transform import reference as transformed


@final
@dataclass(frozen=True, slots=True)
class LowFrequenciesProblem(Problem):
    kind: TransformKind  # of the four real ones
    rows: int
    sizes: Shape
    modes: Shape

    @property
    def kept(self) -> Shape:
        return (*(2 * m for m in self.modes[:-1]), self.modes[-1])

    @property
    def whole(self) -> TransformProblem:
        """With all its bins."""
        return TransformProblem(self.dtype, self.kind, self.rows, self.sizes)

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        return (self._shape(pairs=self.kind.takes_half_spectrum),)

    @property
    def result_shape(self) -> Shape:
        return self._shape(pairs=not self.kind.takes_half_spectrum)

    def _shape(self, *, pairs: bool) -> Shape:
        return (self.rows, *self.kept, 2) if pairs else (self.rows, *self.sizes)

    @property
    def flop(self) -> float:
        """Of the whole transform; algorithms that leave out bins do with less."""
        return self.whole.flop


def reference(problem: LowFrequenciesProblem, x: Tensor) -> Tensor:
    p = problem
    places = [
        torch.cat([torch.arange(m), torch.arange(n - m, n)]) for m, n in zip(p.modes[:-1], p.sizes[:-1])
    ]
    grid = torch.meshgrid(*places, torch.arange(p.modes[-1]), indexing="ij")
    where: tuple[Any, ...] = (slice(None), *grid)
    if not p.kind.takes_half_spectrum:
        return transformed(p.whole, x)[where]
    bins = x.new_zeros(p.rows, *p.kind.bins(p.sizes), 2)
    bins[where] = x
    return transformed(p.whole, bins)
