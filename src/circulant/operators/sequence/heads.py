"""Channels split into heads, and put together again."""

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError

HEAD_CHANNELS = 16  # of mixers; narrower heads hold too little and make small matrix products


def split_heads(rows: Tensor, heads: int) -> Tensor:
    """(B, L, H D) -> (B, H, L, D)."""
    return rows.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(per_head: Tensor) -> Tensor:
    """(B, H, L, D) -> (B, L, H D)."""
    return per_head.transpose(1, 2).flatten(2)


def require_heads(channels: int, heads: int, what: str = "channels") -> None:
    if heads < 1 or channels < 1 or channels % heads:
        raise ArgumentError(f"expected heads as a divisor of {what} = {channels}, got {heads}")


def heads_for(channels: int) -> int:
    """Heads of HEAD_CHANNELS each where they fit, one head where they do not."""
    return channels // HEAD_CHANNELS if channels % HEAD_CHANNELS == 0 else 1


def wide(tensor: Tensor) -> Tensor:
    """In float32 at least: sums over many samples lose too much in half precision."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
