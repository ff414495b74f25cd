"""Arithmetic of complex numbers that are stored as pairs of reals in a last axis of 2.

Complex tensors break torch.compile and autocast, and none of them crosses the engine's doors. Run eagerly,
products look at pairs as complex numbers for a moment: one pass over memory in place of four.
"""

import torch
from torch import Tensor


def viewable(*pairs: Tensor) -> bool:
    """Whether all can be seen as complex numbers: in half precision there are none to compute with."""
    return not torch.compiler.is_compiling() and all(
        z.dtype in (torch.float32, torch.float64) and z.dtype == pairs[0].dtype for z in pairs
    )


def view(z: Tensor) -> Tensor:
    """Pairs (..., 2) as complex numbers (...), without a copy where they lie two by two."""
    *outer, last = z.stride()
    aligned = last == 1 and z.storage_offset() % 2 == 0 and all(step % 2 == 0 for step in outer)
    return torch.view_as_complex(z if aligned else z.contiguous())


def times(first: Tensor, second: Tensor) -> Tensor:
    """Product of pairs (..., 2), with broadcasting."""
    if viewable(first, second):
        return torch.view_as_real(view(first) * view(second))
    return real_times(first, second)


def real_times(first: Tensor, second: Tensor) -> Tensor:
    """The same, without a complex number even for a moment."""
    a, b = first.unbind(-1)
    c, d = second.unbind(-1)
    return torch.stack([torch.addcmul(a * c, b, d, value=-1), torch.addcmul(a * d, b, c)], -1)


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
