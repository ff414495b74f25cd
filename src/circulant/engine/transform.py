"""The door to discrete Fourier transforms. Complex values are pairs of reals in a last axis of 2."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.sizes import Shape, product
from circulant.engine.choice import Choice, current
from circulant.engine.execute import execute
from circulant.problems.transform import TransformKind, TransformProblem


def _problem_of(shape: tuple[int, ...], kind: str, n: int, dtype: torch.dtype) -> TransformProblem:
    return TransformProblem(dtype, TransformKind(kind), shape[0], n)


@torch.library.custom_op("circulant::transform", mutates_args=())
def _transform(x: Tensor, kind: str, n: int, algorithm: str | None) -> Tensor:
    choice = Choice(algorithm=None if algorithm is None else AlgorithmName(algorithm))
    return execute(_problem_of(tuple(x.shape), kind, n, x.dtype), (x,), choice)


@_transform.register_fake
def _(x: Tensor, kind: str, n: int, algorithm: str | None) -> Tensor:
    return x.new_empty(_problem_of(tuple(x.shape), kind, n, x.dtype).result_shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, ctx.kind, ctx.n, ctx.algorithm = inputs


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
    adjoint = TransformKind(ctx.kind).adjoint.value
    return _transform(cotangent, adjoint, ctx.n, ctx.algorithm), None, None, None


def _vmap(info: Any, in_dims: Any, x: Tensor, kind: str, n: int, algorithm: str | None) -> tuple[Tensor, int]:
    rows = x.movedim(in_dims[0], 0).flatten(0, 1)
    return _transform(rows, kind, n, algorithm).unflatten(0, (info.batch_size, -1)), 0


_transform.register_autograd(_backward, setup_context=_save)
_transform.register_vmap(_vmap)


@register_flop_formula(torch.ops.circulant.transform)
def _flop(shape: tuple[int, ...], kind: str, n: int, *_: Any, **__: Any) -> int:
    return round(_problem_of(shape, kind, n, torch.float32).flop)


def transform(x: Tensor, kind: TransformKind, n: int) -> Tensor:
    """x (..., n) real or (..., bins, 2) pairs -> the same with the transformed axis; unnormalised.

    Under autocast float32 is kept, as for torch.fft; half precision is transformed in float32.
    """
    expected = _require_axes(x, kind, n)
    lead = x.shape[: x.ndim - len(expected)]
    forced = current().algorithm
    known = forced if forced in (AlgorithmName.FFT, AlgorithmName.DFT_MATRIX) else None
    y = _transform(x.reshape(product(lead), *expected), kind.value, n, known.value if known else None)
    return y.reshape(*lead, *y.shape[1:])


def _require_axes(x: Tensor, kind: TransformKind, n: int) -> tuple[int, ...]:
    """Raise unless x ends in the axes that the transform takes; their sizes."""
    if not x.is_floating_point():
        raise DtypeError(f"expected x of a floating-point dtype, got {x.dtype}; convert it with x.float()")
    bins = n // 2 + 1 if kind is TransformKind.RFFT_ADJOINT else n
    expected = (bins,) if kind is TransformKind.RFFT else (bins, 2)
    if tuple(x.shape[-len(expected) :]) != expected:
        raise ShapeError(f"expected x (..., {', '.join(map(str, expected))}), got {tuple(x.shape)}")
    return expected


def rfft(x: Tensor) -> Tensor:
    """x (..., n) -> (..., n // 2 + 1, 2), unnormalised."""
    return transform(x, TransformKind.RFFT, x.shape[-1])


def irfft(spectrum: Tensor, n: int) -> Tensor:
    """spectrum (..., n // 2 + 1, 2) -> (..., n), divided by n: the inverse of `rfft`."""
    _require_axes(spectrum, TransformKind.RFFT_ADJOINT, n)
    twice = torch.full((n // 2 + 1, 1), 2.0 / n, dtype=spectrum.dtype, device=spectrum.device)
    twice[0] = 1.0 / n
    if n % 2 == 0:
        twice[-1] = 1.0 / n
    return transform(spectrum * twice, TransformKind.RFFT_ADJOINT, n)


def fft(z: Tensor) -> Tensor:
    """z (..., n, 2) -> (..., n, 2), unnormalised."""
    return transform(z, TransformKind.FFT, z.shape[-2])


def ifft(z: Tensor) -> Tensor:
    """z (..., n, 2) -> (..., n, 2), divided by n: the inverse of `fft`."""
    n = z.shape[-2]
    return transform(z * (1 / n), TransformKind.FFT_ADJOINT, n)


def rfftn(x: Tensor, ndim: int) -> Tensor:
    """x (..., n_1, .., n_d) -> (..., n_1, .., n_d // 2 + 1, 2) over the last d = ndim axes, unnormalised."""
    return _along(rfft(x), ndim - 1, fft)


def irfftn(spectrum: Tensor, sizes: Shape) -> Tensor:
    """spectrum (..., n_1, .., n_d // 2 + 1, 2) -> (..., n_1, .., n_d) = (..., *sizes): inverse of `rfftn`."""
    return irfft(_along(spectrum, len(sizes) - 1, ifft), sizes[-1])


def fftn(z: Tensor, ndim: int) -> Tensor:
    """z (..., n_1, .., n_d, 2) -> the same over the last d = ndim axes before the pairs, unnormalised."""
    return _along(fft(z), ndim - 1, fft)


def ifftn(z: Tensor, ndim: int) -> Tensor:
    """The inverse of `fftn`."""
    return _along(ifft(z), ndim - 1, ifft)


def _along(z: Tensor, axes: int, apply: Callable[[Tensor], Tensor]) -> Tensor:
    """Pairs z transformed along as many axes before the last one."""
    for axis in range(-3, -3 - axes, -1):
        z = apply(z.transpose(axis, -2)).transpose(axis, -2)
    return z
