r"""Causal long convolution by a butterfly of matrix products, whose matrices may be given (FlashButterfly).

A transform of n points, a power of two, splits n = f m with f = 16, or f = n up to 16:

    T_n(z)[k1 + f k2] = T_m(u[k1])[k2],  u[k1, j2] = w^(k1 j2) sum_{j1} M_f[k1, j1] z[j1 m + j2]

with w = exp(-2 pi i / n). With DFT matrices M_f it is the DFT; other matrices take their place at every
place of their size. The way back is conj(T_n(conj Y)) / n.
"""

from collections.abc import Mapping
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.backends.torch.monarch_steps import Step, analyse
from circulant.backends.torch.monarch_tables import Arithmetic, block, roots, turn_of
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.pairs import times
from circulant.core.sizes import Shape, product
from circulant.engine.doors import autocast_operand, autocasts, require_same_kind

LARGEST = 16  # a matrix unit's own size


def butterfly_points(length: int) -> int:
    """Points of the transform that convolves `length` samples with as many taps: a power of two."""
    return 1 << max(2 * length - 2, 1).bit_length()


def butterfly_factors(points: int) -> Shape:
    """16 as often as it divides the power of two, then the rest."""
    factors = []
    while points > LARGEST:
        factors.append(LARGEST)
        points //= LARGEST
    return (*factors, points)


def dft_matrix(size: int) -> Tensor:
    """exp(-2 pi i k j / size) as pairs (size, size, 2) in float64."""
    return roots(torch.arange(size), torch.arange(size), size)


def flash_butterfly(
    x: Tensor, kernel: Tensor, *, matrices: Mapping[int, Tensor] | None = None, points: int | None = None
) -> Tensor:
    """x (B, C, L), kernel (C, K) -> (B, C, L), causal; taps from L on are left out.

    matrices: pairs (f, f, 2) for each size f of `butterfly_factors`, DFT matrices unless given; points:
    of the transform, `butterfly_points(L)` unless given. Half precision is transformed in float32.
    """
    x, kernel = autocast_operand(x), autocast_operand(kernel)
    require_same_kind(("x", "kernel"), (x, kernel))
    if x.ndim != 3 or kernel.ndim != 2 or x.shape[1] != kernel.shape[0] or 0 in x.shape[2:]:
        raise ShapeError(
            f"expected x (B, C, L) of 1 sample or more and kernel (C, K), "
            f"got x {tuple(x.shape)} and kernel {tuple(kernel.shape)}"
        )
    n = butterfly_points(x.shape[-1]) if points is None else points
    if n < x.shape[-1] or n & (n - 1):
        raise ArgumentError(f"expected points as a power of two from L = {x.shape[-1]} on, got {n}")
    device = x.device.type
    with torch.autocast(device, enabled=False) if autocasts(device) else nullcontext():
        return _convolved(x, kernel, matrices, n)


def _convolved(x: Tensor, kernel: Tensor, matrices: Mapping[int, Tensor] | None, n: int) -> Tensor:
    B, C, L = x.shape
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    steps = _steps(butterfly_factors(n), matrices, Arithmetic(dtype, dtype, x.device))
    on_reals = (steps[0].of_real_samples(), *steps[1:])

    def bins(rows: Tensor) -> Tensor:
        return analyse(F.pad(rows.to(dtype), (0, n - rows.shape[-1])), on_reals)

    spectrum = times(bins(x.reshape(B * C, L)).unflatten(0, (B, C)), bins(kernel[:, :L]))
    conjugated = _in_order(spectrum.flatten(0, 1), steps) * spectrum.new_tensor([[1.0], [-1.0]])
    y = _in_order(analyse(conjugated.flatten(1), steps), steps)[:, 0, :L] / n
    return y.reshape(B, C, L).to(x.dtype)


def _in_order(bins: Tensor, steps: tuple[Step, ...]) -> Tensor:
    """bins (rows, N, 2) in the order of the steps -> (rows, 2, N) in their own, k1 running fastest."""
    sizes = [step.pairs for step in steps]
    axes = [0, len(sizes) + 1, *range(len(sizes), 0, -1)]
    return bins.reshape(-1, *sizes, 2).permute(axes).flatten(2)


def _steps(factors: Shape, matrices: Mapping[int, Tensor] | None, arithmetic: Arithmetic) -> tuple[Step, ...]:
    steps = []
    for place, f in enumerate(factors):
        inner = product(factors[place + 1 :])
        turn = turn_of(4 * torch.arange(f), f, inner, arithmetic) if inner > 1 else None
        pairs = dft_matrix(f) if matrices is None else matrices[f]
        matrix = block(pairs.to(arithmetic.device, arithmetic.products))
        steps.append(Step(matrix, matrix.mT, turn))
    return tuple(steps)


def butterfly_cost(shape: Shape, points: int) -> Cost:
    """For x of that shape (B, C, L) and a kernel as long as x; real samples need half of the first step."""
    B, C, L = shape
    first, *rest = butterfly_factors(points)
    there, back = 4.0 * first + 8.0 * sum(rest), 8.0 * (first + sum(rest))
    moved = torch.float32.itemsize * (2 * B * C * L + C * L)
    return Cost(points * ((B * C + C) * there + B * C * back), float(moved))
