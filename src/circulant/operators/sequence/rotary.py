"""Positions written into queries and keys by turning pairs of their channels."""

import torch
from torch import Tensor

from circulant.core.pairs import from_polar, times

BASE = 10000.0  # the slowest pair turns once in about 2 pi BASE positions


def frequencies(pairs: int, like: Tensor) -> Tensor:
    """BASE^(-i / pairs) radians per position, (pairs,), where `like` lives, in float64.

    In float32 the angle of position 100,000 would be off by up to 0.004 radians.
    """
    return BASE ** (-torch.arange(pairs, device=like.device, dtype=torch.float64) / pairs)


def rotate(x: Tensor, angle: Tensor) -> Tensor:
    """Channels 2 i and 2 i + 1 of x (..., D), turned by angle (..., D / 2) in radians."""
    turn = from_polar(torch.ones_like(angle), angle).to(torch.promote_types(x.dtype, torch.float32))
    turned = times(x.unflatten(-1, (-1, 2)), turn)
    return turned.flatten(-2).to(x.dtype)
