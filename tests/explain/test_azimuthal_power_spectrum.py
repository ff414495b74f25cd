"""Spectra of noise whose decay is known."""

from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.explain.azimuthal_power_spectrum import azimuthal_power_spectrum


def noise(exponent, pictures, side, seed=0):
    """Of power f^-exponent."""
    generator = torch.Generator().manual_seed(seed)
    white = torch.randn(pictures, 1, side, side, generator=generator, dtype=torch.float64)
    axis = torch.fft.fftfreq(side, dtype=torch.float64)
    radius = torch.hypot(axis[:, None], axis)
    radius[0, 0] = 1
    return torch.fft.ifft2(torch.fft.fft2(white) * radius ** (-exponent / 2)).real


@pytest.mark.parametrize("exponent", [1, 2, 3])
def test_noise_of_a_power_law_has_that_exponent_in_rings_4_to_120_of_256(exponent):
    law = azimuthal_power_spectrum(noise(exponent, 2, 256)).power_law(4 / 128, 120 / 128)
    np.testing.assert_allclose(law.exponent, exponent, atol=0.05)


def test_white_noise_is_flat_within_5_percent_and_one_at_variance_one():
    spectrum = azimuthal_power_spectrum(noise(0, 1000, 32))
    np.testing.assert_allclose(spectrum.power.mean(0)[1:], 1, atol=0.05)
    np.testing.assert_allclose(spectrum.share_above(0.75).mean(), 5 / 16, atol=0.01)  # rings 12 to 16 of 16


@pytest.mark.parametrize("shape", [(8, 8), (9, 9), (12, 9), (9, 12)])
def test_each_ring_is_the_mean_over_bins_of_that_rounded_radius(shape):
    pictures = torch.randn(2, 3, *shape, dtype=torch.float64)
    plane = torch.fft.fft2(pictures).abs().square().mean(1) / (shape[0] * shape[1])
    rows, columns = (torch.fft.fftfreq(n, dtype=torch.float64) for n in shape)
    ring = (torch.hypot(rows[:, None], columns) * min(shape)).round()
    expected = [plane[:, ring == r].mean(1) for r in range(min(shape) // 2 + 1)]
    found = azimuthal_power_spectrum(pictures)
    np.testing.assert_allclose(found.power, torch.stack(expected, 1).numpy(), rtol=1e-12)
    assert found.frequency[0] == 0


@pytest.mark.parametrize("length", [8, 9, 40])
def test_of_a_series_the_rings_are_its_periodogram(length):
    series = torch.randn(2, 3, length, dtype=torch.float64)
    found = azimuthal_power_spectrum(series)
    expected = torch.fft.rfft(series).abs().square().mean(1) / length
    np.testing.assert_allclose(found.power, expected.numpy(), rtol=1e-12)
    np.testing.assert_allclose(found.frequency, np.arange(length // 2 + 1) / length, rtol=1e-12)


def test_a_wave_is_found_in_its_ring_alone():
    x = torch.cos(2 * torch.pi * 5 * torch.arange(32).double() / 32).expand(1, 1, 32, 32)
    power = azimuthal_power_spectrum(x).power[0]
    assert power.argmax() == 5
    assert np.delete(power, 5).max() < 1e-20


def test_the_law_of_a_picture_does_not_depend_on_its_contrast_or_mean():
    pictures = noise(2, 3, 32)
    plain, changed = (azimuthal_power_spectrum(x).power_law() for x in (pictures, 7 * pictures + 3))
    np.testing.assert_allclose(changed.level, plain.level, rtol=1e-9)
    np.testing.assert_allclose(changed.exponent, plain.exponent, rtol=1e-9)
    assert plain.start == pytest.approx(12 / 32, rel=0.02)


def test_the_plot_is_a_stand_alone_svg():
    picture = azimuthal_power_spectrum(noise(2, 1, 16)).plot()
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"


def test_bad_arguments_are_refused():
    with pytest.raises(ShapeError, match="H and W from 8"):
        azimuthal_power_spectrum(torch.randn(1, 1, 4, 8))
    with pytest.raises(ShapeError, match="L from 8"):
        azimuthal_power_spectrum(torch.randn(1, 1, 7))
    with pytest.raises(DtypeError, match="floating-point"):
        azimuthal_power_spectrum(torch.ones(1, 1, 8, 8, dtype=torch.uint8))
    spectrum = azimuthal_power_spectrum(torch.zeros(1, 1, 16, 16))
    assert spectrum.share_above() == 0
    with pytest.raises(ArgumentError, match="leave out blank pictures"):
        spectrum.power_law()
    with pytest.raises(ArgumentError, match="start < stop"):
        spectrum.power_law(0.9, 0.8)
