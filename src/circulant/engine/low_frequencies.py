"""The door to the lowest frequencies of real signals. Complex values are pairs in a last axis of 2."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.core.errors import ShapeError
from circulant.core.sizes import Shape, product
from circulant.engine.choice import Choice
from circulant.engine.doors import runs_plainly
from circulant.engine.execute import execute
from circulant.problems.low_frequencies import LowFrequenciesProblem
from circulant.problems.transform import TransformKind


def _problem_of(
    rows: int, kind: str, sizes: Sequence[int], modes: Sequence[int], dtype: torch.dtype
) -> LowFrequenciesProblem:
    return LowFrequenciesProblem(dtype, TransformKind(kind), rows, tuple(sizes), tuple(modes))


@torch.library.custom_op("circulant::low_frequencies", mutates_args=())
def _low(x: Tensor, kind: str, sizes: Sequence[int], modes: Sequence[int]) -> Tensor:
    return execute(_problem_of(x.shape[0], kind, sizes, modes, x.dtype), (x,), Choice())


@_low.register_fake
def _(x: Tensor, kind: str, sizes: Sequence[int], modes: Sequence[int]) -> Tensor:
    return x.new_empty(_problem_of(x.shape[0], kind, sizes, modes, x.dtype).result_shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, ctx.kind, ctx.sizes, ctx.modes = inputs


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
    return _low(cotangent, TransformKind(ctx.kind).adjoint.value, ctx.sizes, ctx.modes), None, None, None


def _vmap(info: Any, in_dims: Any, x: Tensor, *rest: Any) -> tuple[Tensor, int]:
    rows = x.movedim(in_dims[0], 0).flatten(0, 1)
    return _low(rows, *rest).unflatten(0, (info.batch_size, -1)), 0


_low.register_autograd(_backward, setup_context=_save)
_low.register_vmap(_vmap)


@register_flop_formula(torch.ops.circulant.low_frequencies)
def _flop(shape: Shape, kind: str, sizes: Sequence[int], modes: Sequence[int], *_: Any, **__: Any) -> int:
    return round(_problem_of(shape[0], kind, sizes, modes, torch.float32).flop)


def low_frequencies(x: Tensor, modes: Shape) -> Tensor:
    """x (..., *sizes) real -> pairs (..., 2 m_1, .., m_d, 2): what `rfftn` has at the lowest frequencies.

    Along the last axis frequencies 0 .. m_d - 1; along the others 0 .. m_a - 1, then -m_a .. -1. Raises where
    2 m_a > n_a or m_d > n_d // 2 + 1.
    """
    lead, sizes = x.shape[: x.ndim - len(modes)], tuple(x.shape[x.ndim - len(modes) :])
    _require_room(sizes, modes)
    y = _solved(x.reshape(product(lead), *sizes), TransformKind.RFFT, sizes, modes)
    return y.reshape(*lead, *y.shape[1:])


def from_low_frequencies(bins: Tensor, modes: Shape, sizes: Shape) -> Tensor:
    """bins (..., 2 m_1, .., m_d, 2) -> (..., *sizes): `irfftn` with zeros at all other frequencies."""
    _require_room(sizes, modes)
    kept = (*(2 * m for m in modes[:-1]), modes[-1], 2)
    lead = bins.shape[: bins.ndim - len(kept)]
    y = _solved(bins.reshape(product(lead), *kept), TransformKind.IRFFT, sizes, modes)
    return y.reshape(*lead, *sizes)


def _solved(x: Tensor, kind: TransformKind, sizes: Shape, modes: Shape) -> Tensor:
    if runs_plainly(x):
        return execute(LowFrequenciesProblem(x.dtype, kind, x.shape[0], sizes, modes), (x,), Choice())
    return _low(x, kind.value, sizes, modes)


def _require_room(sizes: Shape, modes: Shape) -> None:
    room = [n // 2 for n in sizes[:-1]] + [n // 2 + 1 for n in sizes[-1:]]
    if len(sizes) != len(modes) or any(m < 1 or m > most for m, most in zip(modes, room)):
        raise ShapeError(f"expected modes from 1 to {tuple(room)} for {tuple(sizes)} samples, got {modes}")
