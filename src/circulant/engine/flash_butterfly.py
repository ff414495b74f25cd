r"""Causal long convolution by a butterfly of matrix products, whose matrices may be given (FlashButterfly).

A transform of n points, a power of two, splits n = f m with f = 16, or f = n up to 16:

    T_n(z)[k1 + f k2] = T_m(u[k1])[k2],  u[k1, j2] = w^(k1 j2) sum_{j1} M_f[k1, j1] z[j1 m + j2]

with w = exp(-2 pi i / n). With DFT matrices M_f it is the DFT; other matrices take their place at every
place of their size. The way back is conj(T_n(conj Y)) / n.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.backends.torch.monarch_tables import roots
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError, ShapeError
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
    """All rows lie beside each other in the columns of every product.

    A product puts the digit of the bins behind those of the samples that are left, so that it takes the
    last digit first, and the bins come out with their own last digit first: in order.
    """
    B, C, L = x.shape
    factors = butterfly_factors(n)
    steps = _steps(factors, matrices, torch.promote_types(x.dtype, torch.float32), x.device)
    taps = F.pad(kernel[:, :L], (0, max(L - kernel.shape[1], 0)))
    bins = _bins(torch.cat([x.flatten(0, 1), taps]).to(steps[0][0].dtype), factors, steps)
    y = _samples(_product(bins, B * C, C), L, factors, steps)
    return y.T.reshape(B, C, L).to(x.dtype)


def _bins(rows: Tensor, factors: Shape, steps: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """rows (R, L) -> parts and digits of the bins, as the way back takes them: (2, ..., f2, f1, R)."""
    R, L = rows.shape
    n, reversed_digits = product(factors), range(len(factors), 0, -1)
    used = _occupied(L, n, factors[0])
    there = [_on_reals(*step, is_first=place == 0) for place, step in enumerate(steps)]
    there[0] = there[0][:, :, :used]  # what they would be multiplied with is zero
    samples = F.pad(rows, (0, used * (n // factors[0]) - L)).unflatten(1, (used, *factors[1:]))
    bins = _multiplied(there, samples.permute(*reversed_digits, 0)).reshape(2, *factors, R)
    return bins.permute(0, *reversed_digits, -1)


def _product(bins: Tensor, columns: int, channels: int) -> Tensor:
    """Bins of `columns` rows of x times those of the `channels` kernels after them, parts before f1."""
    re, im = bins[..., :columns].unflatten(-1, (-1, channels))
    tap_re, tap_im = bins[..., columns:].unsqueeze(-2)
    real = torch.addcmul(re * tap_re, im, tap_im, value=-1)
    return torch.stack([real, torch.addcmul(re * tap_im, im, tap_re)], bins.ndim - 3)


def _samples(bins: Tensor, L: int, factors: Shape, steps: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The first L samples of the way back, real parts only -> (L, columns)."""
    n, columns = product(factors), bins.shape[-2] * bins.shape[-1]
    kept = _occupied(L, n, factors[-1])
    back = [_on_reals(re, -im, is_first=place == 0) for place, (re, im) in enumerate(steps)]
    back[-1] = back[-1][:, :kept] / n
    return _multiplied(back, bins).reshape(kept * (n // factors[-1]), columns)[:L]


def _occupied(length: int, n: int, factor: int) -> int:
    """How many of `factor` equal parts of n points the first `length` of them reach into."""
    part = n // factor
    return (length + part - 1) // part


def _multiplied(matrices: Sequence[Tensor], z: Tensor) -> Tensor:
    """One step after the other: each matrix (inner, p, g) takes g rows to p, for each inner sample."""
    for matrix in matrices:
        inner, _, g = matrix.shape
        z = z.reshape(inner, g, z.numel() // (inner * g))
        z = torch.bmm(matrix, z)
    return z


def _steps(
    factors: Shape, matrices: Mapping[int, Tensor] | None, dtype: torch.dtype, device: torch.device
) -> list[tuple[Tensor, Tensor]]:
    """Real and imaginary parts (inner, k, f) of w^(k j2) M_f[k, j1] for each step.

    The digits of j2 run in reversed order. All tables together have a few columns' size.
    """
    steps = []
    for place, f in enumerate(factors):
        inner = factors[place + 1 :]
        pairs = dft_matrix(f) if matrices is None else matrices[f]
        re, im = pairs.to(device, dtype).unbind(-1)
        if not inner:
            steps.append((re[None], im[None]))
            continue
        j2 = torch.arange(product(inner)).view(inner).permute(*reversed(range(len(inner)))).flatten()
        cosine, sine = (
            roots(j2, torch.arange(f), f * product(inner)).to(device, dtype)[..., None, :].unbind(-1)
        )
        turned = torch.addcmul(cosine * re, sine, im, value=-1), torch.addcmul(cosine * im, sine, re)
        steps.append(turned)
    return steps


def _on_reals(re: Tensor, im: Tensor, *, is_first: bool) -> Tensor:
    """(inner, k, j) -> (inner, 2 k, 2 j): parts before bins; parts before samples at first, behind later."""
    axis = 2 if is_first else 3
    rows = torch.stack([re, -im], axis), torch.stack([im, re], axis)
    return torch.stack(rows, 1).flatten(3).flatten(1, 2)


def butterfly_cost(shape: Shape, points: int) -> Cost:
    """For x of that shape (B, C, L) and a kernel as long as x.

    The first step takes real samples, and only those that there are; the last makes no others either.
    """
    B, C, L = shape
    factors = butterfly_factors(points)
    used, kept = _occupied(L, points, factors[0]), _occupied(L, points, factors[-1])
    there, back = 4.0 * used + 8.0 * sum(factors[1:]), 8.0 * sum(factors[:-1]) + 4.0 * kept
    moved = torch.float32.itemsize * (2 * B * C * L + C * L)
    return Cost(points * ((B * C + C) * there + B * C * back), float(moved))
