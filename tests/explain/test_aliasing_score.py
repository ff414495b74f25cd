"""The aliasing score of known waves, and of the layers of a network."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.explain.aliasing_score import aliasing_score, layer_aliasing
from circulant.operators.spectral.de_aliasing_filter import DeAliasingFilter2d, nyquist_frequency


def wave(frequency, size=32):
    """Of that frequency along both axes, in cycles per sample."""
    rows, columns = torch.arange(size).double()[:, None], torch.arange(size).double()
    return torch.cos(2 * torch.pi * (frequency[0] * rows + frequency[1] * columns) + 0.4)[None, None]


@pytest.mark.parametrize("frequency", [(0, 0), (3 / 32, 0), (-8 / 32, 11 / 32), (0.34375, 0.34375)])
def test_a_pure_tone_below_nyquist_scores_zero(frequency):
    assert aliasing_score(wave(frequency), 0.354).item() < 1e-20


@pytest.mark.parametrize("frequency", [(12 / 32, 0), (0, 0.5), (3 / 32, -13 / 32)])
def test_a_pure_tone_above_nyquist_along_any_axis_scores_one(frequency):
    assert abs(aliasing_score(wave(frequency), 0.354).item() - 1) < 1e-12


def test_the_score_is_the_share_of_energy():
    mixed = 3 * wave((2 / 32, 5 / 32)) + wave((14 / 32, 0))
    assert abs(aliasing_score(mixed, 0.25).item() - 0.1) < 1e-12


def test_nothing_is_left_after_the_filter():
    x = torch.randn(3, 4, 30, 27, dtype=torch.float64)
    assert aliasing_score(x, 0.3).min() > 0.3
    assert aliasing_score(DeAliasingFilter2d(4, 0.3)(x), 0.3).max() < 1e-12


def test_a_silent_signal_scores_zero():
    assert aliasing_score(torch.zeros(2, 1, 8), 0.25).tolist() == [0.0, 0.0]


def test_the_equivalent_rate_counts_channels_and_samples():
    assert abs(nyquist_frequency(64, 128, (2, 2)) - 0.5 * 0.5**0.5) < 1e-12
    assert nyquist_frequency(1, 1, (2, 2)) == 0.25
    assert nyquist_frequency(3, 12, (2, 2)) == 0.5
    assert nyquist_frequency(4, 64, (2, 2)) == 0.5  # no more than there is


def test_layers_with_a_stride_are_scored_in_order_and_no_hook_stays():
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 4, 3, 2), nn.ReLU(), nn.Conv2d(4, 4, 2, 2)
    )
    first, second = layer_aliasing(network, torch.randn(2, 1, 16, 16))
    assert (first.name, second.name) == ("1", "3")
    assert abs(first.nyquist - 0.5**1.5) < 1e-12
    assert second.nyquist == 0.25
    assert 0 < first.score < 1
    assert 0 < second.score < 1
    assert not any(layer._forward_pre_hooks for layer in network)


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="cutoff from 0 to"):
        aliasing_score(torch.ones(1, 1, 4), 0.6)
    with pytest.raises(ArgumentError, match="features"):
        aliasing_score(torch.ones(1, 4), 0.3)
    with pytest.raises(ArgumentError, match="strides of 1 or more"):
        nyquist_frequency(1, 1, (0, 2))
