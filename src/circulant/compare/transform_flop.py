"""FLOP formulas for torch's own Fourier transforms, which its counter takes for free."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from circulant.core.cost import rfft_flop
from circulant.core.sizes import product

Formula = Callable[..., int]
ATEN = torch.ops.aten


def _points(shape: Sequence[int], axes: Sequence[int]) -> float:
    """Arithmetic of a real transform over axes, for every one of the rest."""
    n = product([shape[axis] for axis in axes])
    return product(shape) / n * rfft_flop(n) if n else 0.0


def _real_to_complex(x: Sequence[int], axes: Sequence[int], *_: Any, out_shape: object = None) -> int:
    return round(_points(x, axes))


def _complex_to_real(
    x: Sequence[int], axes: Sequence[int], _norm: int, last: int, *_: Any, out_shape: object = None
) -> int:
    shape = list(x)
    shape[axes[-1]] = last
    return round(_points(shape, axes))


def _complex_to_complex(x: Sequence[int], axes: Sequence[int], *_: Any, out_shape: object = None) -> int:
    return round(2 * _points(x, axes))


FORMULAS: Mapping[Any, Formula] = {
    ATEN._fft_r2c: _real_to_complex,
    ATEN._fft_c2r: _complex_to_real,
    ATEN._fft_c2c: _complex_to_complex,
}
