"""Spectral convolutions against neuraloperator's, whose weights hold the corners in shifted order.

Even sizes alone: on odd ones neuraloperator 2.0 shifts its bins back by one place too few.
"""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.nn import SpectralConv1d, SpectralConv2d, SpectralConv3d

pytestmark = pytest.mark.oracles


@pytest.mark.parametrize(
    "kind, modes, sizes",
    [
        (SpectralConv1d, (4,), (16,)),
        (SpectralConv2d, (3, 4), (12, 10)),
        (SpectralConv3d, (2, 3, 2), (8, 6, 6)),
    ],
)
def test_the_layer_of_the_fourier_neural_operator(kind, modes, sizes):
    from neuralop.layers.spectral_convolution import SpectralConv

    ours = kind(3, 5, modes)
    both_sides = (*(2 * m for m in modes[:-1]), 2 * (modes[-1] - 1))  # they count the last axis so
    theirs = SpectralConv(3, 5, both_sides, bias=False, fft_norm="backward")
    weight = torch.view_as_complex(ours.weight.detach())
    for axis, m in enumerate(modes[:-1], 2):
        weight = weight.roll(m, axis)
    with torch.no_grad():
        theirs.weight.tensor.copy_(weight)
    x = torch.randn(2, 3, *sizes)
    assert_close(ours(x), theirs(x))
