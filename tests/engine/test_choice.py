import pytest
import torch

from circulant import functional, use
from circulant.core.errors import NoPlanError
from circulant.engine.choice import FREE, Choice, current
from circulant.functional import AlgorithmName, Backend


def test_wishes_hold_inside_the_block_only():
    with use(AlgorithmName.FFT):
        assert current() == Choice(AlgorithmName.FFT)
        with use(backend=Backend.TORCH):
            assert current() == Choice(AlgorithmName.FFT, Backend.TORCH)
        assert current() == Choice(AlgorithmName.FFT)
    assert current() == FREE


def test_wishes_end_with_the_block_when_it_raises():
    with pytest.raises(ValueError, match="inside"), use(AlgorithmName.FFT):
        raise ValueError("inside")
    assert current() == FREE


def test_a_wish_that_cannot_be_met_refuses_instead_of_falling_back():
    x, weight = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3)
    with use(AlgorithmName.OVERLAP_SAVE), pytest.raises(NoPlanError, match="blocks 1 spatial axis"):
        functional.conv2d(x, weight)


def test_an_argument_goes_before_the_block():
    x, kernel = torch.ones(1, 1, 4), torch.ones(1, 2)
    with use(AlgorithmName.OVERLAP_SAVE):
        direct = functional.long_conv(x, kernel, algorithm="direct")
    assert direct.tolist() == [[[1.0, 2.0, 2.0, 2.0]]]
