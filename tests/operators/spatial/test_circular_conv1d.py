"""Circular convolution: a ring without borders."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.circular_conv1d import CircularConv1d


def ring() -> torch.Tensor:
    return torch.randn(2, 3, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_equals_a_convolution_of_three_turns_of_the_ring():
    torch.manual_seed(0)
    module, x = CircularConv1d(3, 4, 5, 2, dtype=torch.float64), ring()
    turns = F.conv1d(x.repeat(1, 1, 3), module.conv.weight, module.conv.bias, dilation=2, padding=4)
    assert_close(module(x), turns[..., 10:20])
    assert_close(module.to_conv()(x), module(x))


@pytest.mark.parametrize("distance", range(1, 10))
def test_rolling_the_ring_rolls_the_output(distance):
    torch.manual_seed(0)
    module, x = CircularConv1d(3, 3, 3, dtype=torch.float64), ring()
    assert_close(module(x.roll(distance, 2)), module(x).roll(distance, 2))


def test_kernels_that_have_no_centre_or_go_round_twice_are_refused():
    with pytest.raises(ArgumentError, match="odd kernel_size"):
        CircularConv1d(3, 3, 4)
    with pytest.raises(ShapeError, match="at most 10"):
        CircularConv1d(3, 3, 23)(ring().float())
