"""Any number of times out, whatever number goes in."""

import torch

from circulant.core.tolerances import assert_close
from circulant.operators.spectral.spatiotemporal_spectral_conv3d import SpatiotemporalSpectralConv3d
from circulant.operators.spectral.spectral_conv import SpectralConv3d


def built(steps=None, modes=(2, 2, 2), **options):
    torch.manual_seed(0)
    module = SpatiotemporalSpectralConv3d(2, 3, modes, steps=steps, dtype=torch.float64, **options)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    return module


def test_without_bias_and_padding_it_is_the_spectral_convolution():
    module = built(bias=False)
    plain = SpectralConv3d(2, 3, (2, 2, 2), dtype=torch.float64)
    plain.load_state_dict(module.state_dict())
    x = torch.randn(1, 2, 4, 5, 6, dtype=torch.float64)
    assert_close(module(x), plain(x))


def test_values_do_not_depend_on_how_many_times_are_asked_for():
    coarse, fine = built(4), built(12)
    x = torch.randn(1, 2, 4, 5, 6, dtype=torch.float64)
    assert_close(fine(x)[..., ::3], coarse(x))


def test_padding_keeps_the_end_of_time_from_its_beginning():
    x = torch.randn(1, 2, 4, 4, 5, dtype=torch.float64)
    padded, plain = built(5, pad_time=True), built(10)
    assert padded(x).shape == (1, 3, 4, 4, 5)
    later = torch.cat([torch.zeros_like(x), x], -1)
    assert_close(padded(x), plain(later)[..., 5:])


def test_the_bias_is_a_fixed_wave():
    module = built(6)
    zero = torch.zeros(1, 2, 4, 4, 6, dtype=torch.float64)
    assert module(zero).abs().max() > 1e-3
    assert_close(module(zero)[:, 0], module(zero)[:, 2])
