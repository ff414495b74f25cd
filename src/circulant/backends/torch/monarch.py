"""Long convolution by matrix products (Monarch), on any device."""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.algorithms.monarch import MonarchLongConv
from circulant.backends.torch.monarch_steps import Step, analyse, synthesise
from circulant.backends.torch.monarch_tables import arithmetic_of, negacyclic_steps
from circulant.core.pairs import conjugate, real_times
from circulant.core.sizes import Shape, product
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot


def long_conv(
    problem: LongConvProblem,
    first: Tensor,
    second: Tensor,
    *,
    factors: Shape | None = None,
    products: torch.dtype | None = None,
) -> Tensor:
    """factors: of a transform long enough for the problem, the algorithm's own choice unless given.
    products: the dtype in which matrices are multiplied, as `arithmetic_of` says unless given."""
    p = problem
    chosen = MonarchLongConv().factors(p) if factors is None else factors
    arithmetic = arithmetic_of(first, products)
    transform = _Transform(product(chosen), negacyclic_steps(chosen, arithmetic), arithmetic.bins)
    if p.slot is Slot.OUTPUT:
        bins = real_times(transform.bins(first), transform.bins(second))
        if not p.circular:
            return transform.samples(bins, p.shift, p.shift + p.length).to(p.dtype)
        whole = transform.samples(bins, 0, p.length + p.kernel - 1)
        wrapped = F.pad(whole[..., p.length :], (0, p.length - p.kernel + 1))
        return (whole[..., : p.length] + wrapped).to(p.dtype)
    if p.slot is Slot.INPUT:
        bins = real_times(transform.bins(_from_origin(p, first)), conjugate(transform.bins(second)))
        return transform.samples(bins, 0, p.length).to(p.dtype)
    bins = real_times(transform.bins(_from_origin(p, second)), conjugate(transform.bins(first))).sum(0)
    return transform.samples(bins, 0, p.kernel).to(p.dtype)


def _from_origin(problem: LongConvProblem, gradient: Tensor) -> Tensor:
    """The output's gradient where the whole convolution has its output."""
    if problem.circular:
        return torch.cat([gradient, gradient[..., : problem.kernel - 1]], dim=-1)
    return F.pad(gradient, (problem.shift, 0))


@final
@dataclass(frozen=True, slots=True)
class _Transform:
    """Of up to 2 N real samples, as N complex ones; the imaginary half is left out where it is empty."""

    points: int
    steps: tuple[Step, ...]
    dtype: torch.dtype  # of the bins

    def bins(self, x: Tensor) -> Tensor:
        """x (..., samples) -> (..., N, 2)."""
        parts = 1 if x.shape[-1] <= self.points else 2
        padded = F.pad(x, (0, parts * self.points - x.shape[-1]))
        bins = analyse(padded.flatten(0, -2), self._for(parts)).to(self.dtype)
        return bins.unflatten(0, x.shape[:-1])

    def samples(self, bins: Tensor, start: int, stop: int) -> Tensor:
        """bins (..., N, 2) -> those samples (..., stop - start)."""
        parts = 1 if stop <= self.points else 2
        return synthesise(bins.flatten(0, -3), self._for(parts))[:, start:stop].unflatten(0, bins.shape[:-2])

    def _for(self, parts: int) -> tuple[Step, ...]:
        first, *rest = self.steps
        return self.steps if parts == 2 else (first.of_real_samples(), *rest)
