"""Memory that tells when a kernel reads or writes what is not its own.

An operand lies between margins of NaN, so that what is read beyond it spreads into the result. A result
is NaN where it is not written, between margins of a pattern that must stay.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import nan
from typing import final
from unittest import mock

import torch
from torch import Tensor

from circulant.backends.native import memory

MARGIN_BYTE = 512  # on each side: eight of the widest vectors
PATTERN = 0xA5


@final
@dataclass(frozen=True, slots=True)
class GuardedOperand:
    tensor: Tensor
    whole: Tensor  # with its margins
    before: Tensor  # a copy of it

    @staticmethod
    def around(values: Tensor, misalignment: int) -> "GuardedOperand":
        """A copy of the values, so many numbers away from where a vector could begin."""
        margin = MARGIN_BYTE // values.itemsize
        start, count = margin + misalignment, values.numel()
        # an index that is read beyond the list must lead somewhere: to a sample that nobody asked for
        poison = nan if values.is_floating_point() else 0
        whole = torch.full((start + count + margin,), poison, dtype=values.dtype)
        tensor = whole[start : start + count].view(values.shape)
        tensor.copy_(values)
        return GuardedOperand(tensor, whole, whole.clone())

    def require_untouched(self) -> None:
        is_same = torch.equal(as_byte(self.whole), as_byte(self.before))
        assert is_same, "an operand, or memory near it, changed"


@final
class GuardedResults:
    """The tensors that were made, with what lies around them."""

    def __init__(self) -> None:
        self._wholes: list[Tensor] = []

    def made(self, plain: Tensor) -> Tensor:
        """A guarded tensor in the place of a new, contiguous one."""
        if not plain.is_floating_point() or plain.device.type != "cpu":
            return plain
        count = plain.numel() * plain.itemsize
        whole = torch.full((MARGIN_BYTE + count + MARGIN_BYTE,), PATTERN, dtype=torch.uint8)
        tensor = whole[MARGIN_BYTE : MARGIN_BYTE + count].view(plain.dtype).view(plain.shape).fill_(nan)
        self._wholes.append(whole)
        return tensor

    def __len__(self) -> int:
        return len(self._wholes)

    def require_margins(self) -> None:
        for whole in self._wholes:
            margins = torch.cat([whole[:MARGIN_BYTE], whole[-MARGIN_BYTE:]])
            assert bool((margins == PATTERN).all()), "memory near a result was written"


@contextmanager
def guarded_results() -> Iterator[GuardedResults]:
    """Every tensor that is made inside for a result is guarded."""
    results, empty, empty_like = GuardedResults(), torch.empty, torch.empty_like
    with (
        mock.patch.object(torch, "empty", lambda *a, **k: results.made(empty(*a, **k))),
        mock.patch.object(torch, "empty_like", lambda *a, **k: results.made(empty_like(*a, **k))),
        mock.patch.object(memory, "empty", lambda shape, dtype: results.made(empty(shape, dtype=dtype))),
    ):
        yield results


def as_byte(tensor: Tensor) -> Tensor:
    """NaN is equal to itself as bytes."""
    return tensor.contiguous().view(torch.uint8)
