"""The doors to sliding windows and im2win."""

import pytest
import torch
import torch.nn.functional as F

from circulant.backends.native import core
from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import Backend
from circulant.windows import im2win_conv2d, im2win_transform, sliding_window_conv1d, sliding_window_conv2d


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


SETTINGS = [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "groups": 2}, {"padding": "same"}]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_series_equal_those_of_torch(settings):
    groups = settings.get("groups", 1)
    x, weight, bias = drawn(2, 4, 30), drawn(6, 4 // groups, 5), drawn(6)
    calls = core.load().call_count()
    assert_close(sliding_window_conv1d(x, weight, bias, **settings), F.conv1d(x, weight, bias, **settings))
    assert core.load().call_count() == calls + 1


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("door", [sliding_window_conv2d, im2win_conv2d], ids=lambda door: door.__name__)
def test_pictures_equal_those_of_torch(door, settings):
    groups = settings.get("groups", 1)
    x, weight, bias = drawn(2, 4, 13, 17), drawn(6, 4 // groups, 3, 5), drawn(6)
    assert_close(door(x, weight, bias, **settings), F.conv2d(x, weight, bias, **settings))


def test_im2win_runs_on_the_backend_asked_for():
    x, weight = drawn(1, 3, 9, 9), drawn(2, 3, 3, 3)
    calls = core.load().call_count()
    im2win_conv2d(x, weight, backend=Backend.TORCH)
    assert core.load().call_count() == calls
    im2win_conv2d(x, weight, backend=Backend.NATIVE)
    assert core.load().call_count() == calls + 1


def test_each_output_is_a_dot_product_of_one_run():
    x, weight = drawn(1, 1, 9, 8), drawn(1, 1, 3, 2)
    laid_out, run = im2win_transform(x, (3, 2), stride=(2, 1), padding=(1, 0)), weight[0, 0].T.flatten()
    expected = F.conv2d(x, weight, stride=(2, 1), padding=(1, 0))[0, 0]
    assert laid_out.shape == (1, 1, 5, 8 * 3)
    for m in range(5):
        for q in range(7):
            assert_close(laid_out[0, 0, m, q * 3 : q * 3 + 6] @ run, expected[m, q])


def test_what_does_not_fit_the_layout_is_refused_by_name():
    with pytest.raises(ShapeError, match=r"expected x \(B, C, H, W\)"):
        im2win_transform(drawn(1, 2, 9), 3)
    with pytest.raises(ShapeError, match="expected a kernel that fits"):
        im2win_transform(drawn(1, 2, 4, 4), 5)
