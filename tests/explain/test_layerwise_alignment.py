"""Two views of photographs, layer by layer."""

from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.data.scenes import scene_patches
from circulant.explain.cka import linear_cka, rbf_cka
from circulant.explain.layerwise_alignment import Resampling, layerwise_alignment
from circulant.explain.representational_similarity import representational_similarity
from circulant.functional import conv2d

FEW = Resampling(bootstraps=40, pairings=39)


def through_a_slit(pictures, height):
    """Blurred as by a slit pupil: over that many samples upright, over three across."""
    upright, across = (torch.hann_window(n + 2, periodic=False)[1:-1] for n in (height, 3))
    kernel = torch.outer(upright, across)
    return conv2d(pictures, (kernel / kernel.sum())[None, None], padding=(height // 2, 1))


def encoder():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, 2), nn.ReLU(), nn.Conv2d(6, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 5)
    )


@pytest.fixture(scope="module")
def pictures():
    return torch.from_numpy(scene_patches(16, 44, 0))


def test_blurred_photographs_give_a_curve_with_intervals(pictures):
    network = encoder()
    mild = layerwise_alignment(network, pictures, through_a_slit(pictures, 5), ["0", "2", "5"], FEW)
    strong = layerwise_alignment(network, pictures, through_a_slit(pictures, 15), ["0"], FEW)
    assert [layer.name for layer in mild.layers] == ["0", "2", "5"]
    for layer in mild.layers:
        for agreed in (layer.linear_cka, layer.rbf_cka, layer.rsa):
            assert 0 < agreed.low < agreed.high <= 1
            assert agreed.p_value == 1 / 40  # none of 39 random pairings agrees as well
    for measure in ("linear_cka", "rbf_cka", "rsa"):
        lacking = [1 - getattr(found.layers[0], measure).value for found in (mild, strong)]
        assert lacking[1] > 2 * lacking[0]
    root = ElementTree.fromstring(mild.plot())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "RSA" in ElementTree.tostring(root, encoding="unicode")


def test_values_are_those_of_the_features_and_nothing_is_left_on_the_network(pictures):
    network = encoder().train()
    blurred = through_a_slit(pictures, 5)
    (layer,) = layerwise_alignment(network, pictures, blurred, ["2"], Resampling(2, 2)).layers
    with torch.no_grad():
        first, second = network[:3](pictures), network[:3](blurred)
    assert layer.linear_cka.value == pytest.approx(linear_cka(first, second), abs=1e-12)
    assert layer.rbf_cka.value == pytest.approx(rbf_cka(first, second), abs=1e-12)
    assert layer.rsa.value == pytest.approx(representational_similarity(first, second), abs=1e-12)
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def test_unrelated_views_agree_no_better_than_by_chance(pictures):
    other = torch.from_numpy(scene_patches(16, 44, 1))[torch.randperm(44)]
    (layer,) = layerwise_alignment(encoder(), pictures, other, ["5"], FEW).layers
    assert min(layer.linear_cka.p_value, layer.rsa.p_value) > 0.05


def test_all_layers_without_children_are_compared_where_none_are_named():
    network = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))
    x = torch.randn(12, 3)
    found = layerwise_alignment(network, x, x + 0.1 * torch.randn(12, 3), resampling=Resampling(2, 2))
    assert [layer.name for layer in found.layers] == ["0", "1.0", "1.1"]


def test_a_layer_that_does_not_vary_is_nan():
    network = nn.Linear(3, 4)
    nn.init.zeros_(network.weight)
    (layer,) = layerwise_alignment(network, torch.randn(9, 3), torch.randn(9, 3)).layers
    assert str(layer.linear_cka.value) == str(layer.rsa.high) == str(layer.rbf_cka.p_value) == "nan"


def test_bad_arguments_are_refused():
    x = torch.randn(9, 3)
    with pytest.raises(ShapeError, match="8 or more examples"):
        layerwise_alignment(nn.Linear(3, 2), x, x[:8])
    with pytest.raises(ArgumentError, match="names of modules"):
        layerwise_alignment(nn.Linear(3, 2), x, x, ["first"])
    with pytest.raises(ArgumentError, match=r"level in 0\.\.1"):
        Resampling(level=1.0)
