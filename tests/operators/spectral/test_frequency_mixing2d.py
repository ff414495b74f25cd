"""Frequency mixing with gates that are known."""

import math

import torch

from circulant.core.tolerances import assert_close
from circulant.operators.spectral.de_aliasing_filter import DeAliasingFilter2d
from circulant.operators.spectral.frequency_mixing2d import FrequencyMixing2d


def with_gates(channels, low, high):
    """All gates constant; low and high are what the channel gates give."""
    module = FrequencyMixing2d(channels, reduction=2, dtype=torch.float64)
    with torch.no_grad():
        module.select.weight.zero_()
        module.select.bias.fill_(50.0)
        for part, size in ((module.low, low), (module.high, high)):
            one = size / math.sqrt(2)
            part.expand.weight.zero_()
            part.expand.bias.fill_(math.log(one / (1 - one)))
    return module


def test_with_unit_gates_it_is_the_identity():
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64)
    assert_close(with_gates(4, 1.0, 1.0)(x), x, 1e-12)


def test_the_gates_act_on_low_and_high_frequencies():
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64)
    low = DeAliasingFilter2d(4)(x)
    assert_close(with_gates(4, 0.25, 1.25)(x), 0.25 * low + 1.25 * (x - low), 1e-12)


def test_the_channel_gates_see_the_first_sample_which_is_the_mean_of_the_spectrum():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 6, 7, dtype=torch.float64)
    low = DeAliasingFilter2d(4)(x)
    spectrum = torch.fft.fft2(low)
    assert_close(spectrum.real.mean((2, 3)), low[:, :, 0, 0], 1e-12)
    assert spectrum.imag.mean((2, 3)).abs().max() < 1e-12


def test_there_are_as_many_parameters_as_in_the_published_module():
    """A 3x3 convolution to two channels and two gates with biases."""
    channels, hidden = 64, 4
    gate = 2 * channels * hidden + channels + hidden
    module = FrequencyMixing2d(channels)
    assert sum(parameter.numel() for parameter in module.parameters()) == 18 * channels + 2 + 2 * gate
