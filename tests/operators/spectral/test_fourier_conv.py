"""The Fourier kernel as a circular convolution."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.operators.spectral.fourier_conv import BY_NDIM, FourierConv2d

FULL = [((6,), (4,)), ((4, 6), (2, 4)), ((6, 5), (3, 3)), ((2, 4, 3), (1, 2, 2))]


@pytest.mark.parametrize(("grid", "modes"), FULL)
def test_with_the_full_band_it_is_a_circular_convolution(grid, modes):
    torch.manual_seed(0)
    module = BY_NDIM[len(grid)](2, 3, modes, local_kernel=0, dtype=torch.float64)
    kernel = torch.randn(2, 3, *grid, dtype=torch.float64)
    axes = tuple(range(2, 2 + len(grid)))
    with torch.no_grad():  # low frequencies first and last: the order of a transform of an even grid
        module.spectral.weight.copy_(torch.view_as_real(torch.fft.rfftn(kernel, dim=axes)))
    x = torch.randn(2, 2, *grid, dtype=torch.float64)
    y = torch.zeros(2, 3, *grid, dtype=torch.float64)
    for place in torch.cartesian_prod(*map(torch.arange, grid)).reshape(-1, len(grid)).tolist():
        tap = kernel[(slice(None), slice(None), *place)]
        y += torch.tensordot(x.roll(place, axes), tap, ([1], [0])).movedim(-1, 1)
    assert_close(module(x), y, 1e-10)


def test_the_local_response_is_added():
    module = FourierConv2d(2, 3, 2, dtype=torch.float64)
    x = torch.randn(2, 2, 5, 6, dtype=torch.float64)
    assert_close(module(x), module.spectral(x) + module.local(x))
