"""TSLANet: the order of its parts, pretraining by hidden patches, and a bundled data set."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.data.series import bundled_series
from circulant.models.tslanet import TSLANet, tslanet_layer
from circulant.train.fit import fit
from circulant.train.masked_patches import MaskedPatches, hidden_error, hide
from circulant.train.predict import predict
from circulant.train.recipe import Recipe
from circulant.train.tensors import to_tensors


def test_a_layer_has_one_residual_around_both_blocks():
    layer = tslanet_layer(6).double().eval()
    x = torch.randn(2, 6, 10, dtype=torch.float64)
    spectral, norm, interactive = layer.branch
    assert_close(layer(x), x + interactive(norm(spectral(layer.norm(x)))))


def test_parameters_are_those_of_its_parts():
    C = 16
    block = 4 * C + 1 + (C + 1) * 3 * C + (3 * C + 1) * 3 * C + (3 * C + 1) * C + 4 * C
    ends = (3 * 8 * C + C) + C * 11 + (5 * C + 5)
    network = TSLANet(3, 48, 5, channels=C, depth=2)
    assert sum(p.numel() for p in network.parameters()) == 2 * block + ends
    assert network(torch.randn(2, 3, 48)).shape == (2, 5)


def test_every_example_hides_the_same_number_of_patches():
    hidden = hide(50, 11, 0.4, torch.device("cpu"))
    assert hidden.sum(1).tolist() == [5] * 50  # 6 of 11 are kept
    assert hidden.float().mean(0).min() > 0.1


def test_a_hidden_patch_tells_nothing():
    torch.manual_seed(0)
    network = TSLANet(1, 40, 2, channels=8, dropout=0.0)
    masked = MaskedPatches(network, share=0.999)  # all of them
    x = torch.randn(4, 1, 40)
    patches = network.patches(x)
    silence = network.features(torch.zeros_like(patches))
    assert_close(masked(x), (silence - patches).square().mean())


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_hiding_nothing_or_all_is_refused(share):
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        MaskedPatches(TSLANet(1, 40, 2), share)


def test_patches_longer_than_the_series_are_refused():
    with pytest.raises(ArgumentError, match="2 to 6 samples"):
        TSLANet(1, 6, 2)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "classes"), [("GunPoint", 2), ("BasicMotions", 4)])
def test_pretrained_and_trained_it_beats_the_nearest_neighbour_on_a_bundled_set(name, classes):
    data = to_tensors(bundled_series(name))
    distance = torch.cdist(data.x_test.flatten(1), data.x_train.flatten(1))
    nearest = (data.y_train[distance.argmin(1)] == data.y_test).float().mean().item()
    torch.manual_seed(0)
    network = TSLANet(data.x_train.shape[1], data.x_train.shape[2], classes, channels=32)
    recipe, masked, x = Recipe(batch=16, learning_rate=2e-3), MaskedPatches(network), data.x_train
    errors = fit(masked, x, x, steps=60, loss=hidden_error, recipe=recipe)
    fit(network, x, data.y_train, steps=200, recipe=recipe)
    accuracy = (predict(network, data.x_test) == data.y_test).float().mean().item()
    print(f"{name}: TSLANet {accuracy:.3f}, nearest neighbour {nearest:.3f}")
    assert sum(errors[-10:]) < 0.7 * sum(errors[:10])
    assert accuracy >= nearest
