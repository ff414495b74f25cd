"""Arithmetic of complex numbers that are stored as pairs of reals in a last axis of 2.

Complex tensors break torch.compile and autocast, and none of them crosses the engine's doors.
"""

import torch
from torch import Tensor


def times(first: Tensor, second: Tensor) -> Tensor:
    """Product of pairs (..., 2), with broadcasting."""
    a, b = first.unbind(-1)
    c, d = second.unbind(-1)
    return torch.stack([torch.addcmul(a * c, b, d, value=-1), torch.addcmul(a * d, b, c)], -1)


def conjugate(z: Tensor) -> Tensor:
    re, im = z.unbind(-1)
    return torch.stack([re, -im], -1)


def power(z: Tensor) -> Tensor:
    """|z|^2 of pairs (..., 2) -> (...)."""
    re, im = z.unbind(-1)
    return re * re + im * im


def magnitude(z: Tensor) -> Tensor:
    """|z| of pairs (..., 2) -> (..., 1); one where z is zero, so that dividing by it is safe."""
    re, im = z.unbind(-1)
    is_zero = (re == 0) & (im == 0)
    return torch.hypot(torch.where(is_zero, torch.ones_like(re), re), im)[..., None]


def from_polar(size: Tensor, angle: Tensor) -> Tensor:
    """size exp(i angle), both (...) -> pairs (..., 2)."""
    return torch.stack([size * angle.cos(), size * angle.sin()], -1)
