"""Decoding as it is written at first: each token sums over all taps."""

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor

Add = Callable[[Tensor, Tensor], Tensor]
"""Inputs (B, C, K) and taps (C, K) -> their sums of products (B, C)."""


def multiply_and_sum(inputs: Tensor, taps: Tensor) -> Tensor:
    return (inputs * taps).sum(-1)


def einsum_taps(inputs: Tensor, taps: Tensor) -> Tensor:
    return torch.einsum("bck,ck->bc", inputs, taps)


def vecdot_taps(inputs: Tensor, taps: Tensor) -> Tensor:
    return torch.linalg.vecdot(inputs, taps)


@final
class TapSum:
    """The last K inputs in a ring, so that no token moves another; the kernel is turned instead."""

    def __init__(self, kernel: Tensor, past: Tensor, add: Add) -> None:
        """kernel (C, K), past (B, C, K - 1)."""
        backwards = kernel.flip(-1)
        self._taps = torch.cat([backwards, backwards], dim=-1)
        self._ring = torch.cat([past, past.new_zeros(*past.shape[:2], 1)], dim=-1)
        self._next = past.shape[-1]  # place of the next token
        self._add = add

    def step(self, x: Tensor) -> Tensor:
        """x (B, C) -> y (B, C)."""
        length = self._ring.shape[-1]
        self._ring[..., self._next] = x
        self._next = (self._next + 1) % length
        # the oldest input stands at the next place and meets the last tap
        return self._add(self._ring, self._taps[:, length - self._next : 2 * length - self._next])
