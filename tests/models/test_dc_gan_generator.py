"""Shapes and weights of the generator of DCGAN."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.models.dc_gan_generator import DcGanGenerator


def test_it_has_the_published_widths_and_makes_pictures_of_64x64_between_minus_one_and_one():
    generator = DcGanGenerator(100, 3, 128, 64)
    layers = [layer for layer in generator.modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert [layer.out_channels for layer in layers] == [1024, 512, 256, 128, 3]
    assert abs(float(layers[1].weight.detach().std()) - 0.02) < 1e-3
    assert [layer.bias is not None for layer in layers] == [False] * 4 + [True]


@pytest.mark.parametrize("side", [8, 16, 32])
def test_the_last_layer_decides_the_side(side):
    y = DcGanGenerator(5, 3, 3, side)(torch.randn(2, 5, 1, 1))
    assert y.shape == (2, 3, side, side)
    assert y.abs().max() <= 1


@pytest.mark.parametrize("side", [4, 24])
def test_other_sides_are_refused(side):
    with pytest.raises(ArgumentError, match="side of 8, 16"):
        DcGanGenerator(side=side)
