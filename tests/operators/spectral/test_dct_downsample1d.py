"""Shortening by cosine transforms: against scipy, on cosines, and what it costs."""

from math import ceil

import pytest
import scipy.fft
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.engine.cosine_transform import dct
from circulant.operators.spectral.dct_downsample1d import DCTDownsample1d


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("length", [1, 2, 7, 16, 45, 256])
def test_the_transform_is_the_orthonormal_one_of_scipy(length):
    x = drawn(2, 3, length)
    assert_close(dct(x), torch.from_numpy(scipy.fft.dct(x.numpy(), norm="ortho")), 1e-10)


@pytest.mark.parametrize("length", [1, 2, 7, 16, 45])
@pytest.mark.parametrize("ratio", [0.1, 0.2, 0.5, 0.9])
def test_it_is_a_cut_between_two_transforms_of_scipy(length, ratio):
    x, kept = drawn(2, 3, length), ceil(ratio * length)
    coefficients = scipy.fft.dct(x.numpy(), norm="ortho")[..., :kept]
    expected = torch.from_numpy(scipy.fft.idct(coefficients, norm="ortho"))
    assert_close(DCTDownsample1d(3, ratio)(x), expected, 1e-10)


@pytest.mark.parametrize("length", [1, 8, 45])
def test_keeping_all_is_the_identity(length):
    x = drawn(2, 3, length)
    assert_close(DCTDownsample1d(3, 1.0)(x), x, 1e-12)


@pytest.mark.parametrize("length", [20, 45])
@pytest.mark.parametrize("ratio", [0.2, 0.4])
def test_low_cosines_come_back_at_fewer_places_and_larger_by_the_root_of_the_ratio(length, ratio):
    kept = round(ratio * length)
    module = DCTDownsample1d(1, ratio)
    for f in range(kept):
        long, short = (
            torch.cos(torch.pi * f * (torch.arange(n, dtype=torch.float64) + 0.5) / n) for n in (length, kept)
        )
        assert_close(module(long[None, None]), short[None, None] / ratio**0.5, 1e-12)
    for f in range(kept, length):
        lost = torch.cos(torch.pi * f * (torch.arange(length, dtype=torch.float64) + 0.5) / length)
        assert module(lost[None, None]).abs().max() < 1e-12


def test_the_first_position_can_be_set_aside():
    x = drawn(2, 3, 11)
    y = DCTDownsample1d(3, 0.5, keep_first=True)(x)
    assert y.shape == (2, 3, 7)
    assert torch.equal(y[..., 0], x[..., 0])
    coefficients = scipy.fft.dct(x[..., 1:].numpy(), norm="ortho")[..., :6]
    assert_close(y[..., 1:], torch.from_numpy(scipy.fft.idct(coefficients, norm="ortho")), 1e-10)
    single = drawn(1, 3, 1)
    assert torch.equal(DCTDownsample1d(3, 0.5, keep_first=True)(single), single)


def test_there_is_nothing_to_learn_or_to_store():
    assert DCTDownsample1d(8, 0.5).state_dict() == {}


@pytest.mark.parametrize("ratio", [0.0, 1.1])
def test_a_ratio_that_keeps_nothing_or_more_than_all_is_refused(ratio):
    with pytest.raises(ArgumentError, match="ratio above 0, up to 1"):
        DCTDownsample1d(3, ratio)
