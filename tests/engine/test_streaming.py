"""Chunked long convolution equals offline for every chunking."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from circulant.core.tolerances import assert_close
from circulant.engine.long_conv import long_conv
from circulant.engine.streaming import initial_history, long_conv_step


@given(chunks=st.lists(st.integers(1, 9), min_size=1, max_size=6), kernel=st.integers(1, 30))
def test_chunks_equal_offline(chunks, kernel):
    generator = torch.Generator().manual_seed(sum(chunks) * 31 + kernel)
    x = torch.randn(2, 3, sum(chunks), dtype=torch.float64, generator=generator)
    k = torch.randn(3, kernel, dtype=torch.float64, generator=generator)
    history = initial_history(2, 3, kernel, dtype=torch.float64)
    parts = []
    for chunk in x.split(chunks, dim=-1):
        y, history = long_conv_step(chunk, k, history)
        parts.append(y)
    assert_close(torch.cat(parts, -1), long_conv(x, k))


@pytest.mark.parametrize("kernel", [1, 5])
def test_the_history_holds_the_last_samples_seen(kernel):
    x = torch.arange(6.0).view(1, 1, 6)
    _, history = long_conv_step(x, torch.ones(1, kernel), initial_history(1, 1, kernel))
    assert history.flatten().tolist() == list(range(6))[6 - (kernel - 1) :]
