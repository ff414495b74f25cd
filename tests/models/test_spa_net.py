"""SPANet has exactly the size that was published, and learns digits."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.spa_net import SPANET_B, SPANET_M, SPANET_S, ScaledResidual, SPANet, SpaStage
from circulant.train.fit import fit
from circulant.train.predict import predict
from circulant.train.recipe import Recipe

PUBLISHED = ((SPANET_S, 28_605_096), (SPANET_M, 41_686_952), (SPANET_B, 75_856_168))


@pytest.mark.parametrize(("stages", "published"), PUBLISHED)
def test_the_parameters_are_as_many_as_published(stages, published):
    with torch.device("meta"):
        network = SPANet(stages)
    assert sum(parameter.numel() for parameter in network.parameters()) == published


def test_pictures_become_logits_on_a_grid_32_times_coarser():
    with torch.device("meta"):
        network = SPANet(classes=7)
        x = torch.empty(2, 3, 224, 160)
    assert network.body(x).shape[2:] == (7, 5)
    assert network(x).shape == (2, 7)


def test_the_learnt_factor_scales_the_stream_and_not_the_branch():
    x = torch.randn(2, 4, 3, 3)
    layer = ScaledResidual(4, torch.nn.Identity(), is_scaled=True, drop_path=0.0)
    with torch.no_grad():
        layer.scale.fill_(2.0)
    assert_close(layer(x), 2 * x + layer.norm(x))


def test_only_the_two_coarser_stages_have_factors():
    with torch.device("meta"):
        network = SPANet()
    scaled = [layer.scale.shape[0] for layer in network.body if getattr(layer, "scale", None) is not None]
    assert scaled == [320] * 24 + [512] * 8


@pytest.mark.slow
def test_a_small_network_reads_digits():
    digits = mnist_5k(0)
    torch.manual_seed(0)
    network = SPANet((SpaStage(24, 1, 2.0), SpaStage(48, 1, 1.0, True)), 10, 1, patch=2)
    recipe = Recipe(learning_rate=2e-2)
    x, y = torch.from_numpy(digits.train.x), torch.from_numpy(digits.train.y)
    fit(network, x, y, steps=500, recipe=recipe)
    right = predict(network, torch.from_numpy(digits.test.x)) == torch.from_numpy(digits.test.y)
    assert right.double().mean() >= 0.95
