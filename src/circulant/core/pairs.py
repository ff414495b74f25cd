"""Arithmetic of complex numbers that are stored as pairs of reals in a last axis of 2.

Complex tensors break torch.compile and autocast, and none of them crosses the engine's doors. Run eagerly,
products look at pairs as complex numbers for a moment: one pass over memory in place of four.
"""

import torch
from torch import Tensor

HAVE_COMPLEX = (torch.float32, torch.float64)


def times(first: Tensor, second: Tensor) -> Tensor:
    """Product of pairs (..., 2), with broadcasting."""
    if first.dtype == second.dtype and first.dtype in HAVE_COMPLEX and not torch.compiler.is_compiling():
        return torch.view_as_real(_as_complex(first) * _as_complex(second))
    a, b = first.unbind(-1)
    c, d = second.unbind(-1)
    return torch.stack([torch.addcmul(a * c, b, d, value=-1), torch.addcmul(a * d, b, c)], -1)


def _as_complex(z: Tensor) -> Tensor:
    has_neighbours = z.stride(-1) == 1 and all(step % 2 == 0 for step in z.stride()[:-1])
    return torch.view_as_complex(z if has_neighbours and z.storage_offset() % 2 == 0 else z.contiguous())


def conjugate(z: Tensor) -> Tensor:
    re, im = z.unbind(-1)
    return torch.stack([re, -im], -1)


def power(z: Tensor) -> Tensor:
    """|z|^2 of pairs (..., 2) -> (...)."""
    re, im = z.unbind(-1)
    return torch.addcmul(re * re, im, im)


def magnitude(z: Tensor) -> Tensor:
    """|z| of pairs (..., 2) -> (..., 1); one where z is zero, so that dividing by it is safe."""
    re, im = z.unbind(-1)
    is_zero = (re == 0) & (im == 0)
    return torch.hypot(torch.where(is_zero, torch.ones_like(re), re), im)[..., None]


def from_polar(size: Tensor, angle: Tensor) -> Tensor:
    """size exp(i angle), both (...) -> pairs (..., 2)."""
    return torch.stack([size * angle.cos(), size * angle.sin()], -1)
