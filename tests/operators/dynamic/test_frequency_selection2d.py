"""Frequency selection and band modulation: bands add up to x, and each is weighed on its own."""

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.operators.dynamic.frequency_band_modulation2d import FrequencyBandModulation2d
from circulant.operators.dynamic.frequency_selection2d import FrequencySelection2d

OPERATORS = pytest.mark.parametrize("build", [FrequencySelection2d, FrequencyBandModulation2d])


def picture(height=12, width=16):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, height, width, dtype=torch.float64, generator=generator)


def weighing(build, *gains):
    """Weights that are the same everywhere: 2 sigmoid(bias) = gain."""
    module = build(3, dtype=torch.float64)
    nn.init.zeros_(module.select.weight)
    with torch.no_grad():
        module.select.bias.copy_(torch.logit(torch.tensor(gains, dtype=torch.float64) / 2))
    return module


@OPERATORS
@pytest.mark.parametrize("size", [(12, 16), (7, 9), (3, 5)])
def test_with_equal_weights_of_one_the_bands_add_up_to_x_exactly(build, size):
    x = picture(*size)
    assert torch.equal(weighing(build, 1.0, 1.0, 1.0)(x), x)


def test_selection_is_the_identity_at_first():
    x = picture()
    assert torch.equal(FrequencySelection2d(3, dtype=torch.float64)(x), x)


def test_modulation_is_nearly_the_identity_at_first():
    x = picture()
    assert_close(FrequencyBandModulation2d(3, dtype=torch.float64)(x), x, 1e-4)


@OPERATORS
@pytest.mark.parametrize(("wave", "gain"), [(0, 1.0), (1, 1.0), (3, 0.5), (6, 1.25), (12, 1.5)])
def test_each_wave_is_weighed_as_the_band_it_lies_in(build, wave, gain):
    module = weighing(build, 1.5, 1.25, 0.5)
    x = torch.cos(2 * torch.pi * wave * torch.arange(32, dtype=torch.float64) / 32).expand(1, 3, 32, 32)
    assert_close(module(x), gain * x)


def test_a_wave_on_the_edge_of_a_box_is_halved_by_selection_and_kept_by_modulation():
    n = torch.arange(32, dtype=torch.float64)
    x = torch.cos(2 * torch.pi * 8 * n / 32).expand(1, 3, 32, 32)  # the edge of the first box
    assert_close(weighing(FrequencySelection2d, 1.5, 1.0, 1.0)(x), 1.25 * x)
    assert_close(weighing(FrequencyBandModulation2d, 1.5, 1.0, 1.0)(x), x)


@OPERATORS
def test_the_bands_of_the_published_boxes_are_differences_of_low_passes(build):
    x, module = picture(), build(3, dtype=torch.float64)
    lows = module.lows(x)
    bands = [x - lows[0], lows[0] - lows[1], lows[1] - lows[2], lows[2]]
    assert_close(sum(bands), x)
    again = module.lows(bands[1])
    assert again[0].shape == x.shape
