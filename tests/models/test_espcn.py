"""ESPCN has the size of the published layers and learns more than cubic interpolation knows."""

import pytest
import torch
from torch import nn

from circulant.data.restoration import HELD_OUT_SCENES, bicubic, psnr, super_resolution_pairs
from circulant.models.espcn import ESPCN
from circulant.train.fit import fit
from circulant.train.recipe import Recipe

BORDER = 3  # pixels that depend on what lies outside the crop


def test_for_factor_3_and_luminance_it_has_22729_parameters():
    network = ESPCN(3)
    assert sum(parameter.numel() for parameter in network.parameters()) == 22_729


def test_last_weights_start_near_zero_and_all_biases_at_zero():
    torch.manual_seed(0)
    network = ESPCN(3)
    assert 0.0009 < network.upscale.weight.std() < 0.0011
    assert all(not p.any() for name, p in network.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize(("factor", "channels"), [(2, 3), (4, 1)])
def test_the_grid_grows_by_the_factor(factor, channels):
    y = ESPCN(factor, channels)(torch.rand(2, channels, 5, 7))
    assert y.shape == (2, channels, 5 * factor, 7 * factor)


@pytest.mark.slow
def test_on_pictures_it_has_not_seen_it_beats_bicubic_interpolation():
    pairs = super_resolution_pairs(3, 17, 1500, 0)
    held_out = super_resolution_pairs(3, 40, 12, 1, HELD_OUT_SCENES)
    torch.manual_seed(0)
    network = ESPCN(3)
    recipe = Recipe(batch=16, weight_decay=0.0)
    x, y = torch.from_numpy(pairs.x), torch.from_numpy(pairs.y)
    fit(network, x, y, steps=1000, loss=nn.functional.mse_loss, recipe=recipe)
    with torch.no_grad():
        restored = network(torch.from_numpy(held_out.x)).numpy()
    interpolated = bicubic(held_out.x, *held_out.y.shape[2:])
    gain = psnr(restored, held_out.y, BORDER) - psnr(interpolated, held_out.y, BORDER)
    assert gain > 0.2  # dB; 0.54 measured
