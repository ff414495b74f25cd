"""The door to discrete Fourier transforms. Complex values are pairs of reals in a last axis of 2."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.sizes import Shape, product
from circulant.engine.choice import Choice, current
from circulant.engine.doors import runs_plainly
from circulant.engine.execute import execute
from circulant.problems.transform import TransformKind, TransformProblem


def _problem_of(
    shape: Sequence[int], kind: str, sizes: Sequence[int], orthonormal: bool, dtype: torch.dtype
) -> TransformProblem:
    return TransformProblem(dtype, TransformKind(kind), shape[0], tuple(sizes), orthonormal)


@torch.library.custom_op("circulant::transform", mutates_args=())
def _transform(
    x: Tensor, kind: str, sizes: Sequence[int], orthonormal: bool, algorithm: str | None
) -> Tensor:
    choice = Choice(algorithm=None if algorithm is None else AlgorithmName(algorithm))
    return execute(_problem_of(x.shape, kind, sizes, orthonormal, x.dtype), (x,), choice)


@_transform.register_fake
def _(x: Tensor, kind: str, sizes: Sequence[int], orthonormal: bool, algorithm: str | None) -> Tensor:
    return x.new_empty(_problem_of(x.shape, kind, sizes, orthonormal, x.dtype).result_shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, ctx.kind, *ctx.rest = inputs


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
    adjoint = TransformKind(ctx.kind).adjoint.value
    return _transform(cotangent, adjoint, *ctx.rest), None, None, None, None


def _vmap(info: Any, in_dims: Any, x: Tensor, *rest: Any) -> tuple[Tensor, int]:
    rows = x.movedim(in_dims[0], 0).flatten(0, 1)
    return _transform(rows, *rest).unflatten(0, (info.batch_size, -1)), 0


_transform.register_autograd(_backward, setup_context=_save)
_transform.register_vmap(_vmap)


@register_flop_formula(torch.ops.circulant.transform)
def _flop(shape: tuple[int, ...], kind: str, sizes: Sequence[int], *_: Any, **__: Any) -> int:
    return round(_problem_of(shape, kind, sizes, False, torch.float32).flop)


def transform(x: Tensor, kind: TransformKind, sizes: Shape, *, orthonormal: bool = False) -> Tensor:
    """x (..., *sizes) real or (..., *bins, 2) pairs -> the same with those axes transformed; see `problems`.

    Under autocast float32 is kept, as for torch.fft; half precision is transformed in float32.
    """
    expected = _require_axes(x, kind, sizes)
    lead = x.shape[: x.ndim - len(expected)]
    forced = current().algorithm
    known = forced if forced in (AlgorithmName.FFT, AlgorithmName.DFT_MATRIX) else None
    rows, algorithm = x.reshape(product(lead), *expected), known.value if known else None
    if runs_plainly(rows):
        problem = TransformProblem(x.dtype, kind, rows.shape[0], tuple(sizes), orthonormal)
        y = execute(problem, (rows,), Choice(known))
    else:
        y = _transform(rows, kind.value, sizes, orthonormal, algorithm)
    return y.reshape(*lead, *y.shape[1:])


def _require_axes(x: Tensor, kind: TransformKind, sizes: Shape) -> Shape:
    """Raise unless x ends in the axes that the transform takes; their sizes."""
    if not x.is_floating_point():
        raise DtypeError(f"expected x of a floating-point dtype, got {x.dtype}; convert it with x.float()")
    expected = kind.adjoint.result_sizes(sizes)
    if tuple(x.shape[-len(expected) :]) != expected:
        raise ShapeError(f"expected x (..., {', '.join(map(str, expected))}), got {tuple(x.shape)}")
    return expected


def last_axes(x: Tensor, ndim: int, after: int = 0) -> Shape:
    """Sizes of ndim axes of x, before the last `after`."""
    if ndim < 1 or x.ndim < ndim + after:
        wanted = f"{ndim} axes to transform" + (" and one of pairs" if after else "")
        raise ShapeError(f"expected x with {wanted}, at least one, got {tuple(x.shape)}")
    return tuple(x.shape[x.ndim - ndim - after : x.ndim - after])


def rfftn(x: Tensor, ndim: int, *, orthonormal: bool = False) -> Tensor:
    """x (..., n_1, .., n_d) -> (..., n_1, .., n_d // 2 + 1, 2) over the last d = ndim axes.

    Unnormalised, or divided by the root of the number of samples as torch.fft does with norm="ortho".
    """
    return transform(x, TransformKind.RFFT, last_axes(x, ndim), orthonormal=orthonormal)


def irfftn(spectrum: Tensor, sizes: Shape, *, orthonormal: bool = False) -> Tensor:
    """spectrum (..., n_1, .., n_d // 2 + 1, 2) -> (..., n_1, .., n_d) = (..., *sizes): inverse of `rfftn`."""
    return transform(spectrum, TransformKind.IRFFT, sizes, orthonormal=orthonormal)


def fftn(z: Tensor, ndim: int) -> Tensor:
    """z (..., n_1, .., n_d, 2) -> the same over the last d = ndim axes before the pairs, unnormalised."""
    return transform(z, TransformKind.FFT, last_axes(z, ndim, 1))


def ifftn(z: Tensor, ndim: int) -> Tensor:
    """The inverse of `fftn`."""
    return transform(z, TransformKind.IFFT, last_axes(z, ndim, 1))


def rfft(x: Tensor) -> Tensor:
    """x (..., n) -> (..., n // 2 + 1, 2), unnormalised."""
    return rfftn(x, 1)


def irfft(spectrum: Tensor, n: int) -> Tensor:
    """spectrum (..., n // 2 + 1, 2) -> (..., n), divided by n: the inverse of `rfft`."""
    return irfftn(spectrum, (n,))


def fft(z: Tensor) -> Tensor:
    """z (..., n, 2) -> (..., n, 2), unnormalised."""
    return fftn(z, 1)


def ifft(z: Tensor) -> Tensor:
    """z (..., n, 2) -> (..., n, 2), divided by n: the inverse of `fft`."""
    return ifftn(z, 1)
