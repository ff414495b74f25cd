"""Streaming: a sequence taken chunk by chunk gives what forward gives, however it is cut."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from circulant.core.card import Card, Case
from circulant.core.tolerances import assert_close
from circulant.testing.specimen import specimen

SHORT = 6  # samples: 32 ways to cut them


def check_streams(card: Card, case: Case) -> None:
    """Every chunking of a short sequence, chunks of one size for the whole of it, float32 kept."""
    subject = specimen(case)
    L = subject.x.shape[-1]
    short = subject.x[..., :SHORT].contiguous()
    for sizes in _compositions(short.shape[-1]):
        _compare(subject.module, short, sizes)
    for size in sorted({1, 3, max(L // 2, 1), L}):
        _compare(subject.module, subject.x, [min(size, L - start) for start in range(0, L, size)])
    single = specimen(case, dtype=torch.float32)
    _compare(single.module, single.x, [1] * L)


def _compare(module: Any, x: Tensor, sizes: list[int]) -> None:
    with torch.no_grad():
        state = module.initial_state(x.shape[0], device=x.device, dtype=x.dtype)
        chunks = []
        for stop, size in zip(accumulate(sizes), sizes):
            y, state = module.step(x[..., stop - size : stop], state)
            chunks.append(y)
        got, expected = torch.cat(chunks, dim=-1), module(x)
    if got.dtype != expected.dtype:
        raise AssertionError(f"streaming in chunks of {sizes}: dtype {got.dtype}, expected {expected.dtype}")
    assert_close(got, expected, what=f"streaming in chunks of {sizes}")


def _compositions(total: int) -> Iterator[list[int]]:
    """Every way to write total as an ordered sum of positive integers."""
    if total == 0:
        yield []
    for first in range(1, total + 1):
        for rest in _compositions(total - first):
            yield [first, *rest]
