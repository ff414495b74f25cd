"""Magnitudes of short-time transforms against torch's, and the loss that compares them."""

import pytest
import torch
from torch.autograd import gradcheck

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.train.stft_loss import stft_loss, stft_magnitude


def chirp(length=400):
    time = torch.arange(length, dtype=torch.float64) / length
    return torch.sin(2 * torch.pi * (5 * time + 60 * time**2))


@pytest.mark.parametrize(("window", "hop"), [(16, 4), (32, 32), (17, 5), (400, 1)])
def test_magnitudes_of_a_chirp_are_those_of_torch(window, hop):
    x = torch.stack([chirp(), chirp().flip(0)])
    shape = torch.hann_window(window, dtype=torch.float64)
    expected = torch.stft(x, window, hop, window=shape, center=False, return_complex=True).abs()
    assert_close(stft_magnitude(x, window, hop), expected)


def test_the_loss_is_blind_to_the_sign_and_sees_a_change_of_pitch():
    x = chirp()
    assert stft_loss(x, -x).item() < 1e-20
    assert stft_loss(x, x.roll(100)).item() > 0.1


def test_leading_axes_are_kept():
    assert stft_magnitude(torch.randn(2, 3, 40)).shape == (2, 3, 9, 7)


def test_its_gradient_is_right_and_finite_in_silence():
    x = torch.randn(2, 20, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: stft_loss(x, torch.ones_like(x), 8, 4), x)
    silence = torch.zeros(20, dtype=torch.float64, requires_grad=True)
    stft_loss(silence, chirp(20)).backward()
    assert silence.grad.isfinite().all()


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="at least window = 16"):
        stft_magnitude(torch.zeros(3, 10))
    with pytest.raises(ArgumentError, match="hop of 1 to window = 16"):
        stft_magnitude(torch.zeros(3, 40), hop=17)
    with pytest.raises(ShapeError, match="one shape"):
        stft_loss(torch.zeros(40), torch.zeros(41))
