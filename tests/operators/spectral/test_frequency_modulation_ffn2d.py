"""Frequency modulation as a convolution in each tile."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.tolerances import assert_close
from circulant.engine.transform import irfftn
from circulant.operators.spectral.frequency_modulation_ffn2d import FrequencyModulationFFN2d


def plain(module, x):
    """The MLP alone, at each position."""
    hidden = F.gelu(F.conv2d(x, module.expand.weight, module.expand.bias))
    return F.conv2d(hidden, module.project.weight, module.project.bias)


@pytest.mark.parametrize("size", [(16, 16), (32, 16), (20, 7)])
def test_at_first_it_is_the_plain_mlp(size):
    torch.manual_seed(0)
    module = FrequencyModulationFFN2d(4, dtype=torch.float64)
    x = torch.randn(2, 4, *size, dtype=torch.float64)
    assert_close(module(x), plain(module, x), 1e-6)


@pytest.mark.parametrize("tile", [4, 5])
def test_it_is_a_circular_convolution_in_each_tile(tile):
    torch.manual_seed(0)
    module = FrequencyModulationFFN2d(3, tile, dtype=torch.float64)
    with torch.no_grad():
        module.gain.normal_()
        kernel = irfftn(module.gain, (tile, tile))
    x = torch.randn(2, 3, 2 * tile, 3 * tile, dtype=torch.float64)
    u, y = plain(module, x), module(x)
    for top in range(0, x.shape[2], tile):
        for left in range(0, x.shape[3], tile):
            here = (..., slice(top, top + tile), slice(left, left + tile))
            expected = torch.zeros_like(u[here])
            for i in range(tile):
                for j in range(tile):
                    expected += kernel[:, i, j, None, None] * u[here].roll((i, j), (2, 3))
            assert_close(y[here], expected, 1e-6)


def test_the_hidden_layer_is_four_times_as_wide_and_gains_are_complex():
    module = FrequencyModulationFFN2d(6)
    counted = sum(parameter.numel() for parameter in module.parameters())
    assert counted == 2 * 4 * 36 + 24 + 6 + 6 * 16 * 9 * 2
