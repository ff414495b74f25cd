"""Sub-pixels are torch's pixel shuffle and a transposed convolution, and start alike with ICNR."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.sub_pixel_conv import (
    BY_NDIM,
    SubPixelConv1d,
    SubPixelConv2d,
    icnr_,
    sub_pixel_shuffle,
    sub_pixel_unshuffle,
)

TOLERANCE = 1e-10


def draw(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_the_shuffle_is_torchs_and_its_inverse_undoes_it(factor):
    x = draw(2, 3 * factor**2, 4, 5)
    y = sub_pixel_shuffle(x, factor, 2)
    assert torch.equal(y, F.pixel_shuffle(x, factor))
    assert torch.equal(sub_pixel_unshuffle(y, factor, 2), x)
    assert torch.equal(sub_pixel_unshuffle(y, factor, 2), F.pixel_unshuffle(y, factor))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_shuffles_round_trip_along_any_number_of_axes_with_and_without_a_batch(ndim):
    x = draw(2, 2 * 3**ndim, *(2, 3, 4)[:ndim])
    y = sub_pixel_shuffle(x, 3, ndim)
    assert y.shape == (2, 2, *(6, 9, 12)[:ndim])
    assert torch.equal(sub_pixel_unshuffle(y, 3, ndim), x)
    assert torch.equal(sub_pixel_shuffle(x[0], 3, ndim), y[0])


def test_channels_in_the_papers_order_give_the_papers_equation():
    r, C = 3, 2
    theirs = draw(1, r * r * C, 4, 5)  # channel C r (y mod r) + C (x mod r) + c
    ours = theirs.unflatten(1, (r * r, C)).transpose(1, 2).flatten(1, 2)
    y = sub_pixel_shuffle(ours, r, 2)
    for c in range(C):
        for row in range(4 * r):
            for column in range(5 * r):
                channel = C * r * (row % r) + C * (column % r) + c
                assert y[0, c, row, column] == theirs[0, channel, row // r, column // r]


@pytest.mark.parametrize("settings", [{}, {"padding": 1}, {"padding": 2, "dilation": 2}, {"groups": 2}])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_it_is_a_transposed_convolution(ndim, settings):
    torch.manual_seed(0)
    operator = BY_NDIM[ndim](4, 2, 3, **settings, factor=3, dtype=torch.float64)
    with torch.no_grad():
        operator.bias.copy_(operator.bias[:: 3**ndim].repeat_interleave(3**ndim))
    layer = operator.to_conv_transpose()
    assert set(layer.stride) == {3}
    x = draw(2, 4, *(6, 7, 5)[:ndim])
    assert_close(layer(x), operator(x), TOLERANCE)


def test_the_transposed_kernel_has_factor_times_as_many_taps():
    layer = SubPixelConv2d(3, 2, (3, 5), bias=False, factor=2).to_conv_transpose()
    assert layer.kernel_size == (6, 10)


@pytest.mark.parametrize(
    "operator",
    [
        SubPixelConv1d(2, 2, 3, 2),
        SubPixelConv1d(2, 2, 3, padding=3),
        SubPixelConv1d(2, 2, 2, padding="same"),
        SubPixelConv1d(2, 2, 3, padding_mode="circular", padding=1),
        SubPixelConv1d(2, 1, 3, groups=2),
    ],
)
def test_what_no_transposed_convolution_does_is_refused(operator):
    with pytest.raises(ArgumentError, match="expected stride 1"):
        operator.to_conv_transpose()


def test_several_biases_of_one_channel_are_refused():
    with pytest.raises(ArgumentError, match="one bias"):
        SubPixelConv2d(2, 2, 3).to_conv_transpose()


def test_it_takes_over_a_convolution_before_a_pixel_shuffle():
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 12, 3, 2, padding=1, groups=2, dtype=torch.float64)
    x = draw(2, 4, 7, 6)
    assert_close(SubPixelConv2d.from_conv(conv, 2)(x), F.pixel_shuffle(conv(x), 2), TOLERANCE)
    with pytest.raises(ArgumentError, match="multiple of 9"):
        SubPixelConv2d.from_conv(conv, 3)


def test_after_icnr_every_sample_is_repeated_so_that_no_checkerboard_is_seen():
    torch.manual_seed(0)
    operator = SubPixelConv2d(3, 2, 3, padding=1, bias=False, factor=2)
    icnr_(operator.weight, 2)
    y = operator(torch.randn(1, 3, 6, 6))
    assert_close(y, y[:, :, ::2, ::2].repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert operator.weight.std() > 0


def test_channels_and_sizes_that_cannot_be_divided_are_refused():
    with pytest.raises(ShapeError, match="multiple of 4"):
        sub_pixel_shuffle(torch.zeros(1, 6, 2, 2), 2, 2)
    with pytest.raises(ShapeError, match="multiples of 2"):
        sub_pixel_unshuffle(torch.zeros(1, 1, 2, 3), 2, 2)
    with pytest.raises(ArgumentError, match="multiple of 4"):
        icnr_(torch.zeros(6, 1, 3, 3), 2)
