"""SpaRTAN has the published size, its blocks start as the identity, and it reads digits."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.spartan import SpaRTAN, SpartanDesign, spartan_block
from circulant.train.fit import fit
from circulant.train.predict import predict


def test_parameters_and_work_are_those_of_the_released_network():
    """The paper's "approximately 1.0 GFLOPs" are more than convolutions and linear maps."""
    with torch.device("meta"):
        network = SpaRTAN().eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert network(torch.empty(1, 3, 224, 224)).shape == (1, 1000)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(3.820e6, rel=0.01)
    assert counter.get_total_flops() / 2 == pytest.approx(0.80e9, rel=0.01)


@pytest.mark.parametrize("dense_positions", [True, False])
def test_a_block_whose_scales_are_zero_is_the_identity(dense_positions):
    torch.manual_seed(0)
    block = spartan_block(8, 2, dense_positions=dense_positions).eval()
    x = torch.randn(2, 8, 6, 5)
    assert not torch.equal(block(x), x)
    for part in block:
        torch.nn.init.zeros_(part.scale)
    assert torch.equal(block(x), x)


def test_a_block_adds_two_scaled_branches_behind_norms_of_the_whole_example():
    torch.manual_seed(0)
    positions, waves = block = spartan_block(8, 2, dense_positions=True).double().eval()
    for part in block:
        torch.nn.init.normal_(part.scale)
    x = torch.randn(2, 8, 6, 5, dtype=torch.float64)
    mean, deviation = x.mean((1, 2, 3), keepdim=True), x.var((1, 2, 3), correction=0, keepdim=True)
    normed = (x - mean) / (deviation + 1e-6).sqrt()
    middle = x + positions.scale[:, None, None] * positions.branch(normed)
    assert_close(positions(x), middle)
    assert_close(block(x), middle + waves.scale[:, None, None] * waves.branch(waves.norm(middle)))


def test_the_first_half_of_the_stages_mixes_positions_densely():
    network = SpaRTAN(SpartanDesign((8, 16, 16, 24), (1, 1, 1, 1), (2, 2, 2, 2)), 5).eval()
    widths = []
    for stage in network.stages:
        positions, waves = stage[-1]
        widths.append((positions.branch.near.weight.shape[1], waves.branch.neighbours.weight.shape[1]))
    assert widths == [(4, 1), (8, 1), (1, 2), (1, 2)]
    shapes = [tuple(features.shape[2:]) for features in network.features(torch.randn(1, 3, 64, 48))]
    assert shapes == [(16, 12), (8, 6), (4, 3), (2, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_small_network_reads_most_digits_after_a_short_training(seed):
    digits = mnist_5k(0)
    torch.manual_seed(seed)
    network = SpaRTAN(SpartanDesign((16, 32), (1, 1), (2, 2)), 10, 1)
    fit(network, torch.from_numpy(digits.train.x), torch.from_numpy(digits.train.y), steps=200, seed=seed)
    right = predict(network, torch.from_numpy(digits.test.x)) == torch.from_numpy(digits.test.y)
    assert right.double().mean() >= 0.75
