"""Frequency responses of modules whose transfer function is known."""

from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn

from circulant.explain.frequency_response import BINS, GRID, frequency_response


def box_blur(taps):
    blur = nn.Conv1d(1, 1, taps, padding=taps // 2, bias=False).eval()
    blur.weight.data.fill_(1 / taps)
    return blur


def binned(power):
    """Root of the mean power of a dense transform in each radial bin, relative to the largest."""
    frequency = np.abs(np.fft.fftfreq(power.size))
    edges = np.arange(BINS + 1) / (2 * BINS)
    place = np.clip(np.searchsorted(edges, frequency, side="right") - 1, 0, BINS - 1)
    mean = np.array([power[place == index].mean() for index in range(BINS)])
    return np.sqrt(mean / mean.max())


@pytest.mark.parametrize("shape", [(2, 3, 40), (2, 3, 12, 9)])
def test_an_identity_passes_every_frequency_alike(shape):
    response = frequency_response(nn.Identity().eval(), torch.randn(shape))
    np.testing.assert_allclose(response.gain, 1, atol=1e-12)
    np.testing.assert_allclose(response.plane, 1, atol=1e-12)


def test_frequencies_ascend_within_zero_and_a_half():
    frequency = frequency_response(nn.Identity().eval(), torch.randn(1, 1, 5)).frequency
    assert frequency.shape == (BINS,)
    assert (np.diff(frequency) > 0).all()
    assert 0 < frequency[0] < frequency[-1] < 0.5


@pytest.mark.parametrize("taps", [3, 5])
def test_a_box_blur_has_the_response_of_its_dirichlet_kernel(taps):
    gain = frequency_response(box_blur(taps), torch.randn(1, 1, GRID)).gain
    frequency = np.fft.fftfreq(GRID)
    with np.errstate(invalid="ignore"):
        kernel = np.sin(np.pi * taps * frequency) / (taps * np.sin(np.pi * frequency))
    kernel[0] = 1
    np.testing.assert_allclose(gain, binned(kernel**2), atol=1e-9)
    assert gain[-1] < 0.5 < gain[0]


def test_a_difference_is_high_pass():
    conv = nn.Conv1d(1, 1, 2, bias=False).eval()
    conv.weight.data = torch.tensor([[[1.0, -1.0]]])
    gain = frequency_response(conv, torch.randn(1, 1, GRID)).gain
    assert gain[-1] == pytest.approx(1)
    assert (np.diff(gain) > 0).all()


def test_a_blur_along_rows_is_low_pass_along_them_only():
    blur = nn.Conv2d(1, 1, (1, 5), padding=(0, 2), bias=False).eval()
    blur.weight.data.fill_(0.2)
    plane = frequency_response(blur, torch.randn(1, 1, 16, 16)).plane
    middle = plane.shape[0] // 2
    np.testing.assert_allclose(plane[:, middle], 1, atol=1e-9)
    assert plane[middle, 0] == pytest.approx(0.2, abs=1e-9)  # |1 - 1 + 1 - 1 + 1| / 5 at half a cycle


def test_the_lowest_bin_is_not_the_mean_alone():
    class WithoutMean(nn.Module):
        def forward(self, x):
            return x - x.mean(-1, keepdim=True)

    gain = frequency_response(WithoutMean().eval(), torch.randn(1, 1, GRID)).gain
    assert gain[0] == pytest.approx(np.sqrt(2 / 3), abs=1e-3)  # two of the three lowest frequencies pass
    np.testing.assert_allclose(gain[1:], 1, atol=1e-9)


def test_a_gate_is_linearised_around_its_features():
    class Square(nn.Module):
        def forward(self, x):
            return x * x

    response = frequency_response(Square().eval(), torch.randn(2, 1, 20))
    np.testing.assert_allclose(response.gain, 1, atol=1e-12)  # 2 x at one position: flat


def test_long_series_are_averaged_down_to_the_grid():
    response = frequency_response(box_blur(3), torch.randn(1, 1, 1000))
    assert response.plane.shape == (1, GRID)
    assert response.plane.argmax() in (GRID // 2 - 1, GRID // 2)


def test_a_constant_output_passes_nothing():
    class Constant(nn.Module):
        def forward(self, x):
            return torch.zeros_like(x)

    response = frequency_response(Constant().eval(), torch.randn(1, 1, 8, 8))
    assert (response.gain == 0).all()
    assert (response.plane == 0).all()


def test_the_plot_is_a_stand_alone_svg():
    picture = frequency_response(nn.Identity().eval(), torch.randn(1, 2, 9)).plot()
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
