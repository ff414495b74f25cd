"""The global filter as a circular convolution, on its own grid and on others."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spectral.global_fourier_filter import BY_NDIM, GlobalFourierFilter3d

GRIDS = [(7,), (4, 5), (3, 4, 5), (4, 3, 6)]


def built(grid, channels=2, **options):
    torch.manual_seed(0)
    module = BY_NDIM[len(grid)](channels, grid, dtype=torch.float64, **options)
    with torch.no_grad():
        module.weight.normal_()
    return module


def impulse_response(module, spatial):
    impulse = torch.zeros(1, module.channels, *spatial, dtype=torch.float64)
    impulse.flatten(2)[..., 0] = 1
    with torch.no_grad():
        return module(impulse)[0]


def circular(x, kernel):
    """sum_m kernel[m] x[n - m], sample by sample."""
    spatial = kernel.shape[1:]
    y = torch.zeros_like(x)
    for place in torch.cartesian_prod(*map(torch.arange, spatial)).reshape(-1, len(spatial)).tolist():
        tap = kernel[(slice(None), *place)].reshape(-1, *(1,) * len(spatial))
        y += tap * x.roll(place, tuple(range(2, x.ndim)))
    return y


@pytest.mark.parametrize("grid", GRIDS)
def test_it_equals_circular_convolution_with_its_impulse_response(grid):
    module = built(grid, pointwise=False)
    x = torch.randn(2, 2, *grid, dtype=torch.float64)
    assert_close(module(x), circular(x, impulse_response(module, grid)), 1e-10)


def test_gains_are_multiplied_to_the_frequencies_they_are_stored_for():
    module = built((4, 6, 5), pointwise=False)
    places = [torch.arange(n, dtype=torch.float64) / n for n in (4, 6, 5)]
    turns = torch.cartesian_prod(*places) @ torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
    angle = 2 * torch.pi * turns.reshape(4, 6, 5)
    y = module(angle.cos().expand(1, 2, 4, 6, 5))
    gain = torch.view_as_complex(module.weight.detach())[:, 1, 2, 1]
    expected = gain.abs()[:, None, None, None] * torch.cos(angle + gain.angle()[:, None, None, None])
    assert_close(y[0], expected)


@pytest.mark.parametrize("factor", [2, 3])
def test_a_constant_gain_stays_so_on_every_grid(factor):
    module = built((4, 5), pointwise=False)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([0.5, 0.0]))
    x = torch.randn(1, 2, 4 * factor, 5 * factor, dtype=torch.float64)
    assert_close(module(x), x / 2)


def test_a_band_keeps_its_frequencies_in_cycles_per_sample_on_a_larger_grid():
    module = built((16,), pointwise=False)
    with torch.no_grad():
        module.weight.zero_()[:, :4, 0] = 1  # up to 3 / 16 cycles per sample
    position = torch.arange(32, dtype=torch.float64)
    low, high = (torch.cos(2 * torch.pi * f * position / 32).expand(1, 2, -1) for f in (5, 12))
    assert_close(module(low), low)
    assert module(high).abs().max() < 1e-12


def test_the_map_of_the_channels_is_added():
    module, plain = built((3, 4, 5)), built((3, 4, 5), pointwise=False)
    plain.load_state_dict({"weight": module.weight})
    x = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64)
    assert_close(module(x) - plain(x), module.pointwise(x))


def test_a_grid_for_another_number_of_axes_is_refused():
    with pytest.raises(ArgumentError, match="grid"):
        GlobalFourierFilter3d(2, (4, 4))
