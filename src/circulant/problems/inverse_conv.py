r"""Inverse of a convolution whose kernel looks back only: x is solved from y = k * x.

    y[b, o, p] = sum_{i, m} k[o, i, m] x[b, i, p + m - (K - 1)]

with zeros before x along every axis. At the last tap, m = K - 1, the channels form a unit lower
triangle: k[o, o] = 1 and k[o, i] = 0 for i > o. These entries are fixed: they are taken for granted
and never read. The map is then unit triangular, so x is found by substitution, and all places of
equal index sum (an anti-diagonal) can be solved at once. Its determinant is 1. The adjoint problem,
of a cotangent of x, is the substitution from the other end, with the channels exchanged.
Shapes: y (B, C, *spatial), k (C, C, *kernel), x (B, C, *spatial).
"""

from dataclasses import dataclass
from itertools import product as index_product
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.sizes import Shape, product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.problem import Problem, dtype_text, shape_text
from circulant.problems.trilinear import Slot


@final
@dataclass(frozen=True, slots=True)
class InverseConvProblem(Problem):
    batch: int
    channels: int
    spatial: Shape
    kernel: Shape
    adjoint: bool  # solves k^T z = g for z

    @property
    def ndim(self) -> int:
        return len(self.spatial)

    @property
    def input_shape(self) -> Shape:
        return (self.batch, self.channels, *self.spatial)

    @property
    def weight_shape(self) -> Shape:
        return (self.channels, self.channels, *self.kernel)

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        return self.input_shape, self.weight_shape

    @property
    def result_shape(self) -> Shape:
        return self.input_shape

    @property
    def fronts(self) -> int:
        """Anti-diagonals, each solved at once after the one before."""
        return sum(self.spatial) - self.ndim + 1

    @property
    def flop(self) -> float:
        """A multiply-add for each free tap at each place."""
        free = self.channels**2 * (product(self.kernel) - 1) + self.channels * (self.channels - 1) / 2
        return 2.0 * self.batch * product(self.spatial) * free

    def __str__(self) -> str:
        end = ", adjoint" if self.adjoint else ""
        return (
            f"inverse convolution of {shape_text(self.input_shape)} with {shape_text(self.weight_shape)}, "
            f"{dtype_text(self.dtype)}{end}"
        )

    def as_convolution(self) -> ConvolutionProblem:
        """The convolution that is inverted."""
        ones = (1,) * self.ndim
        return ConvolutionProblem(
            self.dtype, Slot.OUTPUT, self.batch, self.channels, self.channels, self.spatial, self.kernel,
            ones, tuple((k - 1, 0) for k in self.kernel), ones, 1,
        )  # fmt: skip


def free_taps(weight: Tensor) -> Tensor:
    """Which entries of a weight (C, C, *kernel) are free; the others are fixed. On its device."""
    free = torch.ones(weight.shape, dtype=torch.bool, device=weight.device)
    free.flatten(2)[..., -1] = free.flatten(2)[..., -1].tril(-1)
    return free


def with_fixed_taps(weight: Tensor) -> Tensor:
    """The weight with its fixed entries set: the kernel of the plain convolution."""
    triangle = torch.eye(weight.shape[0], dtype=weight.dtype, device=weight.device)
    fixed = F.pad(triangle[..., None], (weight.shape[2:].numel() - 1, 0)).view(weight.shape)
    return torch.where(free_taps(weight), weight, fixed)


def reference(problem: InverseConvProblem, first: Tensor, weight: Tensor) -> Tensor:
    """The dense matrix of the equation above, written entry by entry, and a general solver."""
    p = problem
    places = list(index_product(*(range(size) for size in p.spatial)))
    at = {place: index for index, place in enumerate(places)}
    matrix = torch.eye(p.channels * len(places), dtype=first.dtype)
    matrix = matrix.reshape(p.channels, len(places), p.channels, len(places))
    last = tuple(k - 1 for k in p.kernel)
    for tap in index_product(*(range(k) for k in p.kernel)):
        for place in places:
            seen = tuple(q + m - end for q, m, end in zip(place, tap, last))
            if seen not in at:
                continue
            for o in range(p.channels):
                for i in range(p.channels if tap != last else o):
                    matrix[o, at[place], i, at[seen]] = weight[(o, i, *tap)]
    dense = matrix.flatten(2).flatten(0, 1)
    solved = torch.linalg.solve(dense.T if p.adjoint else dense, first.flatten(1).T)
    return solved.T.reshape(first.shape)
