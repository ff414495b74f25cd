"""The Fourier unit as a circular convolution, and its reach."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.operators.spectral.fourier_unit import BY_NDIM, FourierUnit2d, FourierUnit3d

GRIDS = [(9,), (4, 5), (3, 4, 6)]


def complex_structured(ndim, in_channels, out_channels):
    """A linear unit whose every 2 x 2 block is the matrix of a complex number a + i b."""
    torch.manual_seed(0)
    unit = BY_NDIM[ndim](in_channels, out_channels, linear=True, dtype=torch.float64)
    number = torch.randn(out_channels, in_channels, 2, dtype=torch.float64)
    a, b = number.unbind(-1)
    blocks = torch.stack([torch.stack([a, -b], -1), torch.stack([b, a], -1)], -2)  # (O, I, 2, 2)
    with torch.no_grad():
        matrix = blocks.permute(0, 2, 1, 3).flatten(2, 3).flatten(0, 1)
        unit.mix.weight.copy_(matrix.reshape(unit.mix.weight.shape))
    return unit


def impulse_responses(unit, grid):
    """Kernels (O, I, *grid)."""
    impulses = torch.zeros(unit.in_channels, unit.in_channels, *grid, dtype=torch.float64)
    for channel in range(unit.in_channels):
        impulses[channel, channel].flatten()[0] = 1
    with torch.no_grad():
        return unit(impulses).transpose(0, 1)


def circular(x, kernel):
    spatial = kernel.shape[2:]
    y = 0
    for place in torch.cartesian_prod(*map(torch.arange, spatial)).reshape(-1, len(spatial)).tolist():
        moved = x.roll(place, tuple(range(2, x.ndim)))
        tap = kernel[(slice(None), slice(None), *place)]
        y = y + torch.tensordot(moved, tap, ([1], [1])).movedim(-1, 1)
    return y


@pytest.mark.parametrize("grid", GRIDS)
def test_with_complex_weights_and_no_activation_it_is_a_circular_convolution(grid):
    unit = complex_structured(len(grid), 2, 3)
    x = torch.randn(2, 2, *grid, dtype=torch.float64)
    assert_close(unit(x), circular(x, impulse_responses(unit, grid)), 1e-10)


def test_weights_that_mix_the_parts_freely_are_no_convolution():
    torch.manual_seed(0)
    unit = FourierUnit2d(1, linear=True, dtype=torch.float64)
    x = torch.randn(1, 1, 4, 5, dtype=torch.float64)
    assert (unit(x) - circular(x, impulse_responses(unit, (4, 5)))).abs().max() > 0.1


def test_one_output_sample_depends_on_every_input_sample():
    torch.manual_seed(0)
    unit = FourierUnit3d(2, dtype=torch.float64).eval()
    x = torch.randn(1, 2, 4, 5, 6, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(unit(x)[0, 0, 1, 2, 3], x)
    assert bool((gradient != 0).all())


def test_real_and_imaginary_parts_alternate_in_the_channels():
    unit = FourierUnit2d(2, linear=True, dtype=torch.float64)
    with torch.no_grad():
        unit.mix.weight.zero_()
        for part in range(2):
            unit.mix.weight[part, 2 + part] = 1  # output channel 0 takes input channel 1 as it is
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64)
    assert_close(unit(x)[:, 0], x[:, 1])
