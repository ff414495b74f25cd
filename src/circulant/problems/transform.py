r"""Discrete Fourier and cosine transforms over the last axes, complex values as pairs of reals.

With k j / n for sum_a k_a j_a / n_a over the d axes:

    RFFT            X[k] = sum_j x[j] exp(-2 pi i k j / n),  k_d = 0 .. n_d // 2;  x real
    RFFT_ADJOINT    x[j] = Re sum_{k: k_d <= n_d // 2} X[k] exp(+2 pi i k j / n)
    FFT             X[k] = sum_j x[j] exp(-2 pi i k j / n),  k_a = 0 .. n_a - 1;  x complex
    FFT_ADJOINT     the same with exp(+2 pi i k j / n)
    COSINE          X[k] = sum_j x[j] prod_a c_a[k_a, j_a],  with the orthogonal matrix
                    c_a[k, j] = sqrt((1 + (k > 0)) / n_a) cos(pi k (j + 1/2) / n_a)
    COSINE_ADJOINT  x[j] = sum_k X[k] prod_a c_a[k_a, j_a], the inverse of COSINE

The Fourier kinds are unnormalised, COSINE is the orthonormal DCT-II. Each is linear and its adjoint is in the
list, so derivatives are transforms too. Shapes: real (rows, *sizes); pairs (rows, *bins, 2), with
bins = sizes but for the last axis of a real transform, n_d // 2 + 1.
"""

from dataclasses import dataclass
from enum import Enum
from functools import reduce
from typing import final

import torch
from torch import Tensor

from circulant.core.cost import rfft_flop
from circulant.core.sizes import Shape, product
from circulant.problems.problem import Problem


class TransformKind(Enum):
    RFFT = "rfft"
    RFFT_ADJOINT = "rfft_adjoint"
    FFT = "fft"
    FFT_ADJOINT = "fft_adjoint"
    COSINE = "cosine"
    COSINE_ADJOINT = "cosine_adjoint"

    @property
    def adjoint(self) -> "TransformKind":
        return {
            TransformKind.RFFT: TransformKind.RFFT_ADJOINT,
            TransformKind.RFFT_ADJOINT: TransformKind.RFFT,
            TransformKind.FFT: TransformKind.FFT_ADJOINT,
            TransformKind.FFT_ADJOINT: TransformKind.FFT,
            TransformKind.COSINE: TransformKind.COSINE_ADJOINT,
            TransformKind.COSINE_ADJOINT: TransformKind.COSINE,
        }[self]

    @property
    def is_complex(self) -> bool:
        return self in (TransformKind.FFT, TransformKind.FFT_ADJOINT)

    @property
    def is_cosine(self) -> bool:
        return self in (TransformKind.COSINE, TransformKind.COSINE_ADJOINT)

    def bins(self, sizes: Shape) -> Shape:
        """Coefficients along each axis."""
        if self.is_complex or self.is_cosine:
            return sizes
        return (*sizes[:-1], sizes[-1] // 2 + 1)

    def result_sizes(self, sizes: Shape) -> Shape:
        """Of one row of the result, with the axis of the pairs where it is complex."""
        if self is TransformKind.RFFT_ADJOINT or self.is_cosine:
            return sizes
        return (*self.bins(sizes), 2)


@final
@dataclass(frozen=True, slots=True)
class TransformProblem(Problem):
    kind: TransformKind
    rows: int
    sizes: Shape

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        return ((self.rows, *self.kind.adjoint.result_sizes(self.sizes)),)

    @property
    def result_shape(self) -> Shape:
        return (self.rows, *self.kind.result_sizes(self.sizes))

    def is_real_along(self, axis: int) -> bool:
        """Whether real samples are transformed along that axis, or back to."""
        is_last = axis == len(self.sizes) - 1
        return self.kind.is_cosine or (is_last and not self.kind.is_complex)

    @property
    def flop(self) -> float:
        """Axis by axis; along the others a real transform has the bins of the last axis only."""
        total = 0.0
        for axis, n in enumerate(self.sizes):
            is_real = self.is_real_along(axis)
            points = product(self.sizes if is_real else self.kind.bins(self.sizes))
            total += points / n * rfft_flop(n) * (1 if is_real else 2)
        return self.rows * total


def reference(problem: TransformProblem, x: Tensor) -> Tensor:
    """The sums above, written out as real matrices over all axes at once."""
    kind, rows, sizes = problem.kind, problem.rows, problem.sizes
    if kind.is_cosine:
        matrix = reduce(torch.kron, [_cosines(n) for n in sizes]).to(x.dtype)
        flat = x.flatten(1) @ (matrix.T if kind is TransformKind.COSINE else matrix)
        return flat.reshape(problem.result_shape)
    bins = kind.bins(sizes)
    k, j = (
        torch.cartesian_prod(*map(torch.arange, counts)).reshape(-1, len(sizes)) for counts in (bins, sizes)
    )
    angle = (k[:, None] * j / torch.tensor(sizes).double()).sum(-1) * 2 * torch.pi
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    if kind is TransformKind.RFFT:
        flat = x.flatten(1)
        return torch.stack([flat @ cosine.T, -(flat @ sine.T)], -1).reshape(problem.result_shape)
    real, imaginary = x.reshape(rows, -1, 2).unbind(-1)
    if kind is TransformKind.RFFT_ADJOINT:
        return (real @ cosine - imaginary @ sine).reshape(problem.result_shape)
    sign = 1 if kind is TransformKind.FFT else -1
    parts = [real @ cosine + sign * imaginary @ sine, imaginary @ cosine - sign * real @ sine]
    return torch.stack(parts, -1).reshape(problem.result_shape)


def _cosines(n: int) -> Tensor:
    k, j = torch.arange(n).double()[:, None], torch.arange(n).double()
    return torch.sqrt((1.0 + (k > 0).double()) / n) * torch.cos(torch.pi * k * (j + 0.5) / n)
