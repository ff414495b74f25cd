"""SCNet."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.data.restoration import HELD_OUT_SCENES, bicubic, psnr, super_resolution_pairs
from circulant.models.scnet import ScNet, ScNetUpsampling
from circulant.train.fit import fit
from circulant.train.recipe import Recipe


@pytest.mark.parametrize("upsampling", ScNetUpsampling)
@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_a_picture_grows_by_the_factor(factor, upsampling):
    network = ScNet(factor, 8, 1, upsampling=upsampling)
    assert network(torch.randn(2, 3, 5, 4)).shape == (2, 3, 5 * factor, 4 * factor)


def test_no_convolution_is_larger_than_1x1_and_nothing_else_has_parameters():
    network = ScNet(4)
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    assert {conv.kernel_size for conv in convolutions} == {(1, 1)}
    own = sum(parameter.numel() for conv in convolutions for parameter in conv.parameters())
    assert own == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("factor", "stages"), [(2, 1), (3, 1), (4, 2), (8, 3)])
def test_parameters_are_those_of_its_1x1_layers(factor, stages):
    inner = 64 * 64 + 64
    expected = (3 * 64 + 64) + 2 * 16 * inner + 2 * stages * inner + inner + (64 * 3 + 3)
    network = ScNet(factor)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_without_detail_it_interpolates():
    network, x = ScNet(2, 8, 1), torch.rand(1, 3, 4, 4)
    nn.init.zeros_(network.finish[-1].weight)
    expected = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.equal(network(x), expected)


def test_other_factors_are_refused():
    with pytest.raises(ArgumentError, match="factor as one of"):
        ScNet(5)


@pytest.mark.slow
def test_it_restores_photographs_better_than_bicubic_interpolation():
    torch.manual_seed(0)
    pairs = super_resolution_pairs(2, 24, 512, 0)
    held = super_resolution_pairs(2, 48, 24, 1, HELD_OUT_SCENES)
    network = ScNet(2, 32, 4, in_channels=1)
    recipe = Recipe(batch=16, learning_rate=3e-3, weight_decay=0.0)
    x, y = torch.from_numpy(pairs.x), torch.from_numpy(pairs.y)
    fit(network, x, y, steps=400, loss=nn.functional.l1_loss, recipe=recipe)
    with torch.no_grad():
        restored = network(torch.from_numpy(held.x)).numpy()
    assert psnr(restored, held.y, 2) > psnr(bicubic(held.x, 96, 96), held.y, 2) + 0.1
