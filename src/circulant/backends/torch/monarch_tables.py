"""Matrices and turns of the transforms by matrix products, made in float64.

`analyse` carries 1 / sqrt(N) and `synthesise` nothing, so that a product of two transforms needs no
scale of its own, and in half precision no value exceeds the results.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from torch import Tensor

from circulant.algorithms.frequency_sparse_conv import kept_rows
from circulant.backends.torch.monarch_steps import Step, Turn
from circulant.core.sizes import Shape, product

REMEMBERED = 1 << 17  # points of the longest transform whose tables are kept: 2 MiB in float64


@final
@dataclass(frozen=True, slots=True)
class Arithmetic:
    """dtype of bins and turns, dtype in which matrices are multiplied, and where."""

    bins: torch.dtype
    products: torch.dtype
    device: torch.device


def arithmetic_of(x: Tensor, products: torch.dtype | None = None) -> Arithmetic:
    """For operands like x. Bins are float32 at least.

    Half precision is multiplied as it is on a GPU, whose units add up in float32; elsewhere in float32.
    """
    bins = torch.float64 if x.dtype == torch.float64 else torch.float32
    return Arithmetic(bins, products or (x.dtype if x.device.type == "cuda" else bins), x.device)


def negacyclic_steps(factors: Shape, arithmetic: Arithmetic) -> tuple[Step, ...]:
    """Steps that evaluate N complex samples where z^N = i."""
    make = _negacyclic_steps if product(factors) <= REMEMBERED else _negacyclic_steps.__wrapped__
    return make(factors, arithmetic)


def sparse_steps(factors: Shape, keep: int, arithmetic: Arithmetic) -> tuple[Step, ...]:
    """Steps that transform real samples, as far as `kept_rows` says."""
    make = _sparse_steps if product(factors) <= REMEMBERED else _sparse_steps.__wrapped__
    return make(factors, keep, arithmetic)


def sparse_bins(factors: Shape, keep: int) -> Tensor:
    """Cycles in n samples of what `sparse_steps` give, mirror images counted as negative."""
    n, order = product(factors), len(factors)
    numbers = [range(factors[0] // 2 + 1), *map(range, factors[1:-1]), kept_rows(factors, keep)]
    bins = torch.zeros((1,) * order, dtype=torch.int64)
    stride = 1
    for axis, (factor, rows) in enumerate(zip(factors, numbers)):
        bins = bins + stride * torch.tensor(rows).view(*(-1 if a == axis else 1 for a in range(order)))
        stride *= factor
    bins = bins.flatten()
    return torch.where(2 * bins > n, bins - n, bins)


@lru_cache(maxsize=16)
def _negacyclic_steps(factors: Shape, arithmetic: Arithmetic) -> tuple[Step, ...]:
    steps = []
    for place, f in enumerate(factors):
        # the first step evaluates a quarter of a bin earlier, which is where z^N = i
        quarters = 4 * torch.arange(f) - (1 if place == 0 else 0)
        steps.append(_complex_step(quarters, f, product(factors[place + 1 :]), arithmetic))
    return tuple(steps)


@lru_cache(maxsize=16)
def _sparse_steps(factors: Shape, keep: int, arithmetic: Arithmetic) -> tuple[Step, ...]:
    first, *rest = factors
    half = torch.arange(first // 2 + 1)
    forward = roots(half, torch.arange(first), first).transpose(1, 2).flatten(0, 1)
    # bins that are their own mirror image, or stand beside it, count once
    images = torch.where((half == 0) | (2 * half == first), 1.0, 2.0).repeat_interleave(2)
    turn = turn_of(4 * half, first, product(rest), arithmetic)
    steps = [_step(forward / first**0.5, forward.T * images, turn, arithmetic)]
    for place, f in enumerate(rest):
        is_last = place + 1 == len(rest)
        rows: Sequence[int] = kept_rows(factors, keep) if is_last else range(f)
        steps.append(_complex_step(4 * torch.tensor(rows), f, product(rest[place + 1 :]), arithmetic))
    return tuple(steps)


def _complex_step(quarters: Tensor, f: int, inner: int, arithmetic: Arithmetic) -> Step:
    matrix = block(roots(quarters, torch.arange(f), 4 * f))
    turn = turn_of(quarters, f, inner, arithmetic) if inner > 1 else None
    return _step(matrix / f**0.5, matrix.T, turn, arithmetic)


def _step(forward: Tensor, backward: Tensor, turn: Turn | None, arithmetic: Arithmetic) -> Step:
    a = arithmetic
    there, back = (matrix.to(a.device, a.products).contiguous() for matrix in (forward, backward))
    return Step(there, back, turn)


def turn_of(quarters: Tensor, f: int, inner: int, arithmetic: Arithmetic) -> Turn:
    """exp(-2 pi i k j / (f inner)) for bins k = quarters / 4 and samples j < inner."""
    cosine, sine = roots(quarters, torch.arange(inner), 4 * f * inner).unbind(-1)
    return Turn(*(part.to(arithmetic.device, arithmetic.bins).contiguous() for part in (cosine, sine)))


def block(matrix: Tensor) -> Tensor:
    """Pairs (k, f, 2) -> reals (2 k, 2 f): rows over bins, then parts; columns over parts, then samples."""
    re, im = matrix.unbind(-1)
    return torch.stack([torch.cat([re, -im], 1), torch.cat([im, re], 1)], 1).flatten(0, 1)


def roots(first: Tensor, second: Tensor, period: int) -> Tensor:
    """exp(-2 pi i first second / period) for integers -> pairs (len(first), len(second), 2) in float64.

    The phase is reduced in integers, so that large products lose no accuracy.
    """
    phase = torch.outer(first, second) % period
    angle = phase.double() * (-2 * torch.pi / period)
    return torch.stack([angle.cos(), angle.sin()], -1)
