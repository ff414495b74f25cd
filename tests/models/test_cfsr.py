"""CFSR has the size of the published networks, merges exactly and beats bicubic interpolation."""

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.data.restoration import HELD_OUT_SCENES, bicubic, psnr, super_resolution_pairs
from circulant.models.cfsr import CFSR
from circulant.train.fit import fit
from circulant.train.recipe import Recipe

BORDER = 4  # pixels that depend on what lies outside the crop


@pytest.mark.parametrize(("factor", "published"), [(2, 291_324), (4, 306_912)])
def test_merged_parameters_are_as_many_as_published(factor, published):
    with torch.device("meta"):
        network = CFSR(factor)
    network.reparameterize()
    assert sum(parameter.numel() for parameter in network.parameters()) == published


def test_merging_changes_nothing_after_training_either():
    torch.manual_seed(0)
    network = CFSR(2, channels=8, depths=(1, 2), kernel_size=5, scale=1.0)
    x, y = torch.rand(8, 3, 6, 6), torch.rand(8, 3, 12, 12)
    fit(network, x, y, steps=5, loss=nn.functional.mse_loss)
    with torch.no_grad():
        assert_close(network.fuse()(x), network(x), 1e-6)


def test_the_grid_grows_by_the_factor_and_any_number_of_colours_will_do():
    with torch.device("meta"):
        network = CFSR(3, 1, channels=8, depths=(1,))
    assert network(torch.empty(2, 1, 5, 7, device="meta")).shape == (2, 1, 15, 21)


@pytest.mark.slow
def test_on_pictures_it_has_not_seen_a_small_one_beats_bicubic_interpolation_by_half_a_decibel():
    pairs = super_resolution_pairs(2, 16, 1500, 0)
    held_out = super_resolution_pairs(2, 40, 12, 1, HELD_OUT_SCENES)
    torch.manual_seed(0)
    network = CFSR(2, 1, channels=24, depths=(2,), scale=0.1)
    x, y = torch.from_numpy(pairs.x), torch.from_numpy(pairs.y)
    recipe = Recipe(batch=8, weight_decay=0.0, learning_rate=8e-3)
    fit(network, x, y, steps=800, loss=nn.functional.l1_loss, recipe=recipe)
    with torch.no_grad():
        restored = network.fuse()(torch.from_numpy(held_out.x)).numpy()
    interpolated = bicubic(held_out.x, *held_out.y.shape[2:])
    gain = psnr(restored, held_out.y, BORDER) - psnr(interpolated, held_out.y, BORDER)
    assert gain >= 0.5  # dB; 0.82 measured
