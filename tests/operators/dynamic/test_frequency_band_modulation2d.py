"""Frequency band modulation on its own; what it has in common with selection is tested there."""

import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.operators.dynamic.frequency_band_modulation2d import FrequencyBandModulation2d


def test_bands_are_projections_that_do_not_overlap():
    module = FrequencyBandModulation2d(2, dtype=torch.float64)
    x = torch.randn(1, 2, 15, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    lows = module.lows(x)
    for n, low in enumerate(lows):
        assert_close(module.lows(low)[n], low)
        assert module.lows(x - low)[n].abs().max() < 1e-12


def test_weights_differ_from_place_to_place():
    module = FrequencyBandModulation2d(1, (2,), dtype=torch.float64)
    nn.init.constant_(module.select.weight, 10.0)
    x = torch.zeros(1, 1, 16, 16, dtype=torch.float64)
    x[..., 8:] = 1
    high = x - module.lows(x)[0]
    change = module(x) - x
    assert_close(change[..., 2:6], (torch.sigmoid(module.select(x))[..., 2:6] * 2 - 1) * high[..., 2:6])
    assert_close(change[..., 10:14], high[..., 10:14])  # fully open there: twice the band
