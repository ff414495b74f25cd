"""The adaptive filter as a circular convolution with a kernel made from the input."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.engine.transform import irfftn, rfftn
from circulant.operators.spectral.adaptive_frequency_filter import (
    AdaptiveFrequencyFilter1d,
    AdaptiveFrequencyFilter2d,
)


def circular(x, kernel):
    """sum_q kernel[q] x[p - q], position by position, for x and kernel (B, C, H, W)."""
    H, W = x.shape[2:]
    y = torch.zeros_like(x)
    for i in range(H):
        for j in range(W):
            y += kernel[:, :, i : i + 1, j : j + 1] * x.roll((i, j), (2, 3))
    return y


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (4, 5), (1, 6)])
def test_it_adds_a_circular_convolution_with_a_kernel_as_large_as_the_picture(size):
    torch.manual_seed(0)
    module = AdaptiveFrequencyFilter2d(8, 2, dtype=torch.float64)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=0.5)
    x = torch.randn(2, 8, *size, dtype=torch.float64)
    with torch.no_grad():
        gains = module.gains(rfftn(x, 2) * (size[0] * size[1]) ** -0.5)
        kernel = irfftn(gains, size)
        assert (kernel[0] - kernel[1]).abs().max() > 0.05  # each example has a kernel of its own
        assert_close(module(x) - x, circular(x, kernel), 1e-9)


def test_any_half_spectrum_of_gains_is_such_a_convolution():
    """Also gains that are not the spectrum of anything real in the bins without a mirror image."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 3, 6, 4, dtype=torch.float64, generator=generator)
    gains = torch.randn(1, 3, 6, 3, 2, dtype=torch.float64, generator=generator)
    module = AdaptiveFrequencyFilter2d(3, 1, dtype=torch.float64)
    module.gains = lambda spectrum, scale: gains
    assert_close(module(x) - x, circular(x, irfftn(gains, (6, 4))), 1e-9)


def test_gains_of_one_double_the_input():
    module = AdaptiveFrequencyFilter2d(8, dtype=torch.float64)
    with torch.no_grad():
        module.second_weight.zero_()
        module.second_bias.copy_(torch.tensor([1.01, 0.0], dtype=torch.float64).expand(8, 2))
    x = torch.randn(2, 8, 5, 6, dtype=torch.float64)
    assert_close(module(x), 2 * x, 1e-12)


def test_gains_within_the_threshold_leave_the_input_alone():
    module = AdaptiveFrequencyFilter2d(8, threshold=10.0)
    x = torch.randn(1, 8, 4, 4)
    assert torch.equal(module(x), x)


def test_each_block_of_channels_is_filtered_by_its_own_spectrum():
    torch.manual_seed(0)
    module = AdaptiveFrequencyFilter1d(8, 4, dtype=torch.float64)
    x = torch.randn(1, 8, 9, dtype=torch.float64)
    other = x.clone()
    other[:, 2:4] += 100
    changed = (module(other) - module(x)).abs().amax((0, 2))
    assert (changed[2:4] > 1).all()
    assert changed[:2].max() == changed[4:].max() == 0


def test_a_threshold_below_zero_is_refused():
    with pytest.raises(ArgumentError, match="threshold of 0 or more"):
        AdaptiveFrequencyFilter2d(8, threshold=-0.1)
