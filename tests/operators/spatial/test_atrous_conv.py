"""Atrous convolution is one with holes in its kernel, and one on each of rate x rate coarser grids."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.atrous_conv import BY_NDIM, AtrousConv2d

TOLERANCE = 1e-12


def draw(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("rate", [1, 2, 3])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_it_is_a_convolution_with_the_upsampled_kernel(ndim, rate):
    torch.manual_seed(0)
    operator = BY_NDIM[ndim](2, 3, 3, rate=rate, dtype=torch.float64)
    x = draw(2, 2, *(9, 8, 7)[:ndim])
    dense = operator.upsampled_kernel()
    assert dense.shape[2:] == (1 + 2 * rate,) * ndim
    conv = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[ndim]
    assert_close(operator(x), conv(x, dense, operator.bias, padding=rate), TOLERANCE)


@pytest.mark.parametrize("rate", [2, 4])
def test_it_is_a_plain_convolution_of_every_coarser_grid(rate):
    torch.manual_seed(0)
    operator = AtrousConv2d(2, 3, 3, rate=rate, dtype=torch.float64)
    x, y = draw(2, 2, 13, 11), torch.empty(2, 3, 13, 11, dtype=torch.float64)
    for row in range(rate):
        for column in range(rate):
            grid = (..., slice(row, None, rate), slice(column, None, rate))
            y[grid] = F.conv2d(x[grid], operator.weight, operator.bias, padding=1)
    assert_close(operator(x), y, TOLERANCE)


@pytest.mark.parametrize("rate", [1, 2, 5])
def test_an_impulse_reaches_one_and_two_rates(rate):
    operator = AtrousConv2d(1, 1, 3, rate=rate, bias=False)
    nn.init.ones_(operator.weight)
    x = torch.zeros(1, 1, 15, 15)
    x[..., 7, 7] = 1
    found = operator(x)[0, 0].nonzero()
    assert (found.max(0).values - found.min(0).values + 1).tolist() == [1 + 2 * rate, 1 + 2 * rate]
    assert len(found) == 9


def test_a_strided_layer_keeps_its_weights_and_answers_on_the_whole_grid():
    torch.manual_seed(0)
    first = nn.Conv2d(2, 4, 3, 2, padding=1, dtype=torch.float64)
    second = nn.Conv2d(4, 3, 3, padding=1, dtype=torch.float64)
    x = draw(1, 2, 16, 16)
    dense = AtrousConv2d.from_conv(second, 2)(AtrousConv2d.from_conv(first, 1)(x))
    assert dense.shape[2:] == x.shape[2:]
    assert_close(dense[..., ::2, ::2], second(first(x)), TOLERANCE)
    assert_close(AtrousConv2d.from_conv(second, 2).to_conv()(first(x)), F.conv2d(
        first(x), second.weight, second.bias, padding=2, dilation=2
    ), TOLERANCE)  # fmt: skip
