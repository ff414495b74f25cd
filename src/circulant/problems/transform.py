r"""Discrete Fourier and cosine transforms over the last axes, complex values as pairs of reals.

With k j / n for sum_a k_a j_a / n_a over the d axes:

    RFFT            X[k] = sum_j x[j] exp(-2 pi i k j / n),  k_d = 0 .. n_d // 2;  x real
    RFFT_ADJOINT    x[j] = Re sum_{k: k_d <= n_d // 2} X[k] exp(+2 pi i k j / n)
    IRFFT           the inverse of RFFT: 1 / prod_a n_a times the same sum over all k, X being the spectrum
                    of real samples; what an imaginary part would add to a bin that is its own mirror
                    image along the last axis is left out
    IRFFT_ADJOINT   X[k] = w(k_d) / prod_a n_a RFFT(x)[k], w = 1 where 2 k_d is 0 modulo n_d, else 2
    FFT             X[k] = sum_j x[j] exp(-2 pi i k j / n),  k_a = 0 .. n_a - 1;  x complex
    FFT_ADJOINT     the same with exp(+2 pi i k j / n)
    IFFT            FFT_ADJOINT / prod_a n_a, the inverse of FFT
    IFFT_ADJOINT    FFT / prod_a n_a
    COSINE          X[k] = sum_j x[j] prod_a c_a[k_a, j_a],  with the orthogonal matrix
                    c_a[k, j] = sqrt((1 + (k > 0)) / n_a) cos(pi k (j + 1/2) / n_a)
    COSINE_ADJOINT  x[j] = sum_k X[k] prod_a c_a[k_a, j_a], the inverse of COSINE

With orthonormal=True every Fourier kind has 1 / sqrt(prod_a n_a) in place of what stands above. COSINE is the
orthonormal DCT-II in any case. Each is linear and its adjoint is in the
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
    IRFFT = "irfft"
    IRFFT_ADJOINT = "irfft_adjoint"
    FFT = "fft"
    FFT_ADJOINT = "fft_adjoint"
    IFFT = "ifft"
    IFFT_ADJOINT = "ifft_adjoint"
    COSINE = "cosine"
    COSINE_ADJOINT = "cosine_adjoint"

    @property
    def adjoint(self) -> "TransformKind":
        suffix = "_adjoint"
        other = self.value.removesuffix(suffix) if self.value.endswith(suffix) else self.value + suffix
        return TransformKind(other)

    @property
    def is_complex(self) -> bool:
        return self in COMPLEX

    @property
    def takes_half_spectrum(self) -> bool:
        return self in (TransformKind.RFFT_ADJOINT, TransformKind.IRFFT)

    @property
    def is_normalised(self) -> bool:
        """Whether sums are divided by the number of samples."""
        return self in NORMALISED

    @property
    def counts_mirror_images(self) -> bool:
        """Whether a bin of a half spectrum stands for its mirror image too."""
        return self in (TransformKind.IRFFT, TransformKind.IRFFT_ADJOINT)

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
        if self.takes_half_spectrum or self.is_cosine:
            return sizes
        return (*self.bins(sizes), 2)


# tuples: compiled code sees members in them that it misses in a frozenset
COMPLEX = (TransformKind.FFT, TransformKind.FFT_ADJOINT, TransformKind.IFFT, TransformKind.IFFT_ADJOINT)
NORMALISED = (
    TransformKind.IRFFT,
    TransformKind.IRFFT_ADJOINT,
    TransformKind.IFFT,
    TransformKind.IFFT_ADJOINT,
)


@final
@dataclass(frozen=True, slots=True)
class TransformProblem(Problem):
    kind: TransformKind
    rows: int
    sizes: Shape
    orthonormal: bool = False  # Fourier kinds: divided by the root of the number of samples, there and back

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        return ((self.rows, *self.kind.adjoint.result_sizes(self.sizes)),)

    @property
    def result_shape(self) -> Shape:
        return (self.rows, *self.kind.result_sizes(self.sizes))

    @property
    def scale(self) -> float:
        """Of the sums, 1 or what they are divided by."""
        if self.kind.is_cosine:
            return 1.0
        samples = product(self.sizes)
        return samples**-0.5 if self.orthonormal else 1 / samples if self.kind.is_normalised else 1.0

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
    weight = torch.full((len(k),), problem.scale, dtype=torch.float64)
    if kind.counts_mirror_images:
        weight = weight * (1 + (2 * k[:, -1] % sizes[-1] != 0).double())
    cosine, sine = (weight[:, None] * angle.cos()).to(x.dtype), (weight[:, None] * angle.sin()).to(x.dtype)
    if kind in (TransformKind.RFFT, TransformKind.IRFFT_ADJOINT):
        flat = x.flatten(1)
        return torch.stack([flat @ cosine.T, -(flat @ sine.T)], -1).reshape(problem.result_shape)
    real, imaginary = x.reshape(rows, -1, 2).unbind(-1)
    if kind.takes_half_spectrum:
        return (real @ cosine - imaginary @ sine).reshape(problem.result_shape)
    sign = 1 if kind in (TransformKind.FFT, TransformKind.IFFT_ADJOINT) else -1
    parts = [real @ cosine + sign * imaginary @ sine, imaginary @ cosine - sign * real @ sine]
    return torch.stack(parts, -1).reshape(problem.result_shape)


def _cosines(n: int) -> Tensor:
    k, j = torch.arange(n).double()[:, None], torch.arange(n).double()
    return torch.sqrt((1.0 + (k > 0).double()) / n) * torch.cos(torch.pi * k * (j + 0.5) / n)
