"""Magnitude and phase of pairs, with derivatives at zero too."""

import torch
from torch import Tensor

from circulant.core.sizes import Shape


def to_polar(z: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs (..., 2) -> |z| and arg z, each (...); both 0 and without slope where z is 0."""
    re, im = z.unbind(-1)
    is_zero = (re == 0) & (im == 0)
    safe = torch.where(is_zero, torch.ones_like(re), re)
    return torch.where(is_zero, 0.0, torch.hypot(safe, im)), torch.atan2(im, safe)


def real_where_own_mirror(z: Tensor, sizes: Shape) -> Tensor:
    """Half spectrum z (..., *bins, 2) of real values whose bins that mirror themselves are real.

    They are so but for rounding, which would turn the phase of a negative value from pi into -pi.
    """
    *outer, last = sizes
    own = torch.arange(last // 2 + 1, device=z.device) * 2 % last == 0
    for axis, size in enumerate(reversed(outer), 1):
        index = torch.arange(size, device=z.device)
        own = (index * 2 % size == 0).reshape(-1, *(1,) * axis) & own
    is_imaginary = torch.arange(2, device=z.device) == 1
    return torch.where(own[..., None] & is_imaginary, 0.0, z)
