"""The moment of random kernels, beside kernels drawn at random."""

import pytest
import torch

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.spectral_moment import dirichlet_kernel, spectral_moment


def drawn_moment(kernel, spatial, mean, deviation, draws, in_channels=1):
    """Mean |sum over channels of the spectrum|^2 of kernels drawn from a normal distribution."""
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros(spatial, dtype=torch.float64)
    for _ in range(0, draws, 500):
        shape = (500, in_channels, *kernel)
        kernels = mean + deviation * torch.randn(shape, generator=generator, dtype=torch.float64)
        total += torch.fft.fft2(kernels.sum(1), s=spatial).abs().square().sum(0)
    return total / draws


@pytest.mark.parametrize("mean", [0.0, 0.2, -0.3])
def test_it_is_the_mean_over_20000_kernels_at_every_frequency_within_5_percent(mean):
    expected = spectral_moment((3, 3), (16, 20), mean, 0.25).power
    found = drawn_moment((3, 3), (16, 20), mean, 0.5, 20_000)
    assert (found / expected - 1).abs().max() < 0.05


def test_channels_add_up_the_variance_and_square_up_the_mean():
    alone, together = (spectral_moment((3, 5), (8, 9), 0.1, 0.25, channels) for channels in (1, 6))
    assert together.from_variance == pytest.approx(6 * alone.from_variance)
    torch.testing.assert_close(together.from_mean, 36 * alone.from_mean)
    found = drawn_moment((3, 5), (8, 9), 0.1, 0.5, 20_000, in_channels=6)
    assert (found / together.power - 1).abs().max() < 0.05


def test_a_mean_other_than_zero_favours_low_frequencies_and_a_mean_of_zero_none():
    power = spectral_moment((5, 5), (32, 32), -0.1, 0.01).power
    assert power[0, 0] == power.max()
    assert power[0, 0] > 10 * power[16, 16]
    assert spectral_moment((5, 5), (32, 32), 0.0, 0.01).power.unique().numel() == 1


@pytest.mark.parametrize(("taps", "samples"), [(3, 16), (5, 7), (1, 1), (9, 4)])
def test_the_dirichlet_kernel_is_the_spectrum_of_ones(taps, samples):
    places = torch.arange(taps).double()[:, None] * torch.arange(samples).double() / samples
    expected = torch.exp(-2j * torch.pi * places).sum(0).abs()
    torch.testing.assert_close(dirichlet_kernel(taps, samples).abs(), expected, atol=1e-13, rtol=0)


def test_bad_arguments_are_refused():
    with pytest.raises(ShapeError, match="one kernel size per axis"):
        spectral_moment((3, 3), (16,), 0.0, 1.0)
    with pytest.raises(ArgumentError, match="variance of 0 or more"):
        spectral_moment((3,), (16,), 0.0, -1.0)
