"""A few causal taps: torch's own convolution, cut anywhere."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.tolerances import assert_close
from circulant.operators.sequence.short_conv import ShortConv


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("silu", [False, True])
def test_it_is_torchs_depthwise_convolution_with_zeros_before_the_first_sample(silu, bias):
    conv = ShortConv(3, silu=silu, bias=bias).double()
    x = torch.randn(2, 3, 9, dtype=torch.float64)
    expected = F.conv1d(F.pad(x, (3, 0)), conv.weight, conv.bias, groups=3)
    assert_close(conv(x), F.silu(expected) if silu else expected)


@pytest.mark.parametrize("taps", [1, 2, 4])
@pytest.mark.parametrize("sizes", [[1] * 7, [2, 5], [6, 1], [3, 1, 3]])
def test_a_sequence_cut_anywhere_gives_the_same(taps, sizes):
    conv = ShortConv(2, taps, silu=True).double()
    x = torch.randn(3, 2, 7, dtype=torch.float64)
    state = conv.initial_state(3, dtype=torch.float64)
    chunks = []
    for chunk in x.split(sizes, dim=-1):
        y, state = conv.step(chunk, state)
        assert state.shape == (3, 2, taps - 1)
        chunks.append(y)
    assert_close(torch.cat(chunks, -1), conv(x))
