"""Networks in stages, their rates of dropped paths, and what their weights are at first."""

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.models.initial_weights import narrow_normal_weights, outgoing_normal_weights
from circulant.models.stages import StagedNetwork, drop_path_rates
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d


class Halving(StagedNetwork):
    def __init__(self):
        super().__init__(([nn.AvgPool2d(2), nn.Identity()], [nn.AvgPool2d(2)]), nn.Flatten())


def test_features_are_those_of_every_stage_and_the_head_sees_the_last():
    network, x = Halving(), torch.randn(2, 3, 8, 8)
    finer, coarser = network.features(x)
    assert_close(finer, nn.functional.avg_pool2d(x, 2))
    assert_close(coarser, nn.functional.avg_pool2d(x, 4))
    assert torch.equal(network(x), coarser.flatten(1))


def test_rates_rise_evenly_over_the_blocks_of_all_stages():
    assert list(drop_path_rates(0.3, (2, 1, 1))) == [[0.0, pytest.approx(0.1)], [pytest.approx(0.2)], [0.3]]
    assert list(drop_path_rates(0.3, (1,))) == [[0.0]]


@pytest.mark.parametrize(
    ("layer", "outgoing"),
    [
        (nn.Conv2d(64, 128, 3), 9 * 128),
        (nn.Conv2d(64, 128, 3, groups=4), 9 * 32),
        (DepthwiseConv2d(2000, (5, 5)), 25),
    ],
    ids=["dense", "grouped", "depthwise"],
)
def test_convolutions_start_with_the_variance_of_what_leaves_them(layer, outgoing):
    torch.manual_seed(0)
    outgoing_normal_weights(layer)
    assert layer.weight.var().item() == pytest.approx(2 / outgoing, rel=0.05)
    assert layer.bias.abs().max() == 0


def test_narrow_weights_have_a_width_of_a_fiftieth_and_no_bias():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(200, 100), nn.Conv2d(8, 64, 5), DepthwiseConv2d(900, (3, 3)))
    narrow_normal_weights(network)
    for layer in network:
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
        assert layer.bias.abs().max() == 0
