"""The convolution along time as a circulant matrix, and at other resolutions."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spectral.temporal_spectral_conv1d import TemporalSpectralConv1d


def built(channels, modes, out_channels=None, **options):
    torch.manual_seed(0)
    return TemporalSpectralConv1d(channels, modes, out_channels, dtype=torch.float64, **options)


@pytest.mark.parametrize(("T", "modes"), [(4, 2), (4, 3), (7, 4), (9, 2)])
def test_along_time_it_is_the_circular_convolution_with_the_kernel_of_its_weights(T, modes):
    module = built(2, modes, 3)
    with torch.no_grad():
        module.spectral.weight.normal_()
    R = torch.view_as_complex(module.spectral.weight.detach())
    kernel = torch.fft.irfft(R, n=T)  # (I, O, T), zero-padded spectra
    lag = (torch.arange(T)[:, None] - torch.arange(T)) % T
    x = torch.randn(2, 2, T, 3, 2, dtype=torch.float64)
    assert_close(module.along_time(x), torch.einsum("iotm,bimhw->bothw", kernel[..., lag], x), 1e-10)


def test_a_band_limited_trajectory_gives_the_same_values_when_sampled_more_often():
    module = built(2, 3)
    coefficients = torch.randn(2, 2, 3, 2, dtype=torch.float64)

    turns = (2 * torch.pi * torch.arange(3, dtype=torch.float64))[:, None]

    def sampled(T):
        angle = turns * torch.arange(T, dtype=torch.float64) / T
        return torch.einsum("bckp,kpt->bct", coefficients, torch.stack([angle.cos(), angle.sin()], 1))

    coarse, fine = module(sampled(8)), module(sampled(24))
    assert_close(fine[..., ::3], coarse)


def test_positions_of_a_frame_do_not_meet():
    module = built(2, 2)
    x = torch.randn(1, 2, 4, 3, 3, dtype=torch.float64)
    assert_close(module(x)[..., 1, 2], module(x[..., 1, 2]))


def test_the_first_weights_are_those_published():
    weight = built(4, 2, 8).spectral.weight
    assert weight.min() >= 0
    assert weight.max() <= 1 / 32
    assert abs(weight.mean() - 1 / 64) < 2e-3


def test_a_change_of_channels_needs_a_map():
    assert built(2, 2).project is None
    assert built(2, 2, 3).project is not None
    with pytest.raises(ArgumentError, match="project=True"):
        built(2, 2, 3, project=False)
