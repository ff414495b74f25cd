"""Fading filters along each axis: what the engine's long convolution gives, and no reach into the future."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.engine.long_conv import long_conv
from circulant.operators.sequence.multi_dim_toeplitz_pe import BY_NDIM, MultiDimToeplitzPe2d

GRIDS = [(7,), (5, 6), (3, 4, 5)]


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("grid", GRIDS)
def test_it_is_the_sum_of_causal_filters_along_the_axes_computed_by_fft(grid):
    module = BY_NDIM[len(grid)](6, 3).double()
    x = drawn(2, 6, *grid)
    expected = torch.zeros_like(x)
    for axis, length in enumerate(grid):
        fade = torch.sigmoid(module.decay[axis])
        kernel = module.gain[axis][:, None] * fade[:, None] ** torch.arange(length)
        lines = x.movedim(axis + 2, -1).movedim(1, -2)
        spectrum = torch.fft.rfft(kernel.repeat_interleave(2, 0), 2 * length)
        filtered = torch.fft.irfft(torch.fft.rfft(lines, 2 * length) * spectrum, 2 * length)[..., :length]
        expected += filtered.movedim(-2, 1).movedim(-1, axis + 2)
    assert_close(module(x), expected, 1e-10)


def test_along_one_axis_it_is_the_engines_long_convolution():
    module = BY_NDIM[1](4, 2).double()
    x = drawn(2, 4, 40)
    kernel = module.gain[0][:, None] * torch.sigmoid(module.decay[0])[:, None] ** torch.arange(40)
    assert_close(module(x), long_conv(x, kernel.repeat_interleave(2, 0)), 1e-10)


def test_a_position_reaches_only_those_behind_it_on_its_own_row_and_column():
    module = MultiDimToeplitzPe2d(2, 1).double()
    x = torch.zeros(1, 2, 5, 5, dtype=torch.float64)
    x[..., 2, 3] = 1
    reached = (module(x) != 0).any(1)[0]
    expected = torch.zeros(5, 5, dtype=torch.bool)
    expected[2:, 3] = True
    expected[2, 3:] = True
    assert torch.equal(reached, expected)


@pytest.mark.parametrize("grid", GRIDS)
def test_the_predicted_work_is_counted_by_torch(grid):
    module = BY_NDIM[len(grid)](6, 3)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.zeros(2, 6, *grid))
    assert counter.get_total_flops() == module.cost((2, 6, *grid)).flop
