import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from circulant.core.errors import ArgumentError
from circulant.core.sizes import (
    output_length,
    per_axis,
    same_padding,
    smooth_length,
    transposed_length,
)


def is_smooth(n):
    for prime in (2, 3, 5):
        while n % prime == 0:
            n //= prime
    return n == 1


def test_smooth_lengths_are_the_smallest_products_of_2_3_and_5():
    smooth = [n for n in range(1, 3000) if is_smooth(n)]
    for n in range(1, 2900):
        assert smooth_length(n) == next(s for s in smooth if s >= n)


@given(
    length=st.integers(1, 30),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 4),
    padding=st.integers(0, 5),
    dilation=st.integers(1, 4),
)
def test_output_length_is_what_torch_returns(length, kernel, stride, padding, dilation):
    ours = output_length(length, kernel, stride, (padding, padding), dilation)
    x, weight = torch.zeros(1, 1, length), torch.zeros(1, 1, kernel)
    if ours < 1:
        with pytest.raises(RuntimeError):
            F.conv1d(x, weight, None, stride, padding, dilation)
    else:
        assert F.conv1d(x, weight, None, stride, padding, dilation).shape[-1] == ours


@given(
    length=st.integers(1, 12),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 4),
)
def test_transposed_length_is_what_torch_returns(length, kernel, stride, dilation):
    extra = max(stride, dilation) - 1
    y = F.conv_transpose1d(
        torch.zeros(1, 1, length), torch.zeros(1, 1, kernel), None, stride, 0, extra, 1, dilation
    )
    assert y.shape[-1] == transposed_length(length, kernel, stride, 0, dilation, extra)


@given(kernel=st.integers(1, 9), dilation=st.integers(1, 4))
def test_same_padding_keeps_the_length(kernel, dilation):
    before, after = same_padding(kernel, dilation)
    assert output_length(20, kernel, 1, (before, after), dilation) == 20
    assert 0 <= after - before <= 1


@pytest.mark.parametrize("given_value, expected", [(3, (3, 3)), ([2], (2, 2)), ((1, 2), (1, 2))])
def test_one_number_or_one_for_each_axis(given_value, expected):
    assert per_axis(given_value, 2, "stride") == expected


@pytest.mark.parametrize("wrong", [(1, 2, 3), (), (1.5, 2)])
def test_a_wrong_number_of_sizes_is_refused_by_name(wrong):
    with pytest.raises(ArgumentError, match="expected stride as one int or 2"):
        per_axis(wrong, 2, "stride")
