r"""Discrete Fourier transforms along the last axis, unnormalised, complex values as pairs of reals.

    RFFT           X[k] = sum_j x[j] exp(-2 pi i j k / n),  k = 0 .. n // 2;  x real
    RFFT_ADJOINT   x[j] = Re sum_{k <= n // 2} X[k] exp(+2 pi i j k / n)
    FFT            X[k] = sum_j x[j] exp(-2 pi i j k / n),  k = 0 .. n - 1;  x complex
    FFT_ADJOINT    the same with exp(+2 pi i j k / n)

Each is linear and its adjoint is in the list, so derivatives are transforms too.
Shapes: real (rows, n); pairs (rows, n // 2 + 1, 2) or (rows, n, 2).
"""

from dataclasses import dataclass
from enum import Enum
from typing import final

import torch
from torch import Tensor

from circulant.core.cost import rfft_flop
from circulant.core.sizes import Shape
from circulant.problems.problem import Problem


class TransformKind(Enum):
    RFFT = "rfft"
    RFFT_ADJOINT = "rfft_adjoint"
    FFT = "fft"
    FFT_ADJOINT = "fft_adjoint"

    @property
    def adjoint(self) -> "TransformKind":
        return {
            TransformKind.RFFT: TransformKind.RFFT_ADJOINT,
            TransformKind.RFFT_ADJOINT: TransformKind.RFFT,
            TransformKind.FFT: TransformKind.FFT_ADJOINT,
            TransformKind.FFT_ADJOINT: TransformKind.FFT,
        }[self]

    @property
    def is_complex(self) -> bool:
        return self in (TransformKind.FFT, TransformKind.FFT_ADJOINT)


@final
@dataclass(frozen=True, slots=True)
class TransformProblem(Problem):
    kind: TransformKind
    rows: int
    n: int

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        return (self._shape(self.kind.adjoint),)

    @property
    def result_shape(self) -> Shape:
        return self._shape(self.kind)

    def _shape(self, kind: TransformKind) -> Shape:
        if kind is TransformKind.RFFT_ADJOINT:
            return (self.rows, self.n)
        bins = self.n if kind.is_complex else self.n // 2 + 1
        return (self.rows, bins, 2)

    @property
    def flop(self) -> float:
        return self.rows * rfft_flop(self.n) * (2 if self.kind.is_complex else 1)


def reference(problem: TransformProblem, x: Tensor) -> Tensor:
    """The sums above, written out as two real matrices."""
    n, kind = problem.n, problem.kind
    bins = n if kind.is_complex else n // 2 + 1
    angle = 2 * torch.pi / n * torch.outer(torch.arange(bins), torch.arange(n)).to(x.dtype)
    cosine, sine = angle.cos(), angle.sin()
    if kind is TransformKind.RFFT:
        return torch.stack([x @ cosine.T, -(x @ sine.T)], dim=-1)
    real, imaginary = x[..., 0], x[..., 1]
    if kind is TransformKind.RFFT_ADJOINT:
        return real @ cosine - imaginary @ sine
    sign = 1 if kind is TransformKind.FFT else -1
    return torch.stack(
        [real @ cosine + sign * imaginary @ sine, imaginary @ cosine - sign * real @ sine], dim=-1
    )
