"""AFFNet has the size that was published, and learns digits."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.aff_net import (
    AFFNET,
    AFFNET_ET,
    AFFNET_T,
    AFFBlock,
    AffDesign,
    AFFNet,
    AffStage,
    FilterLayer,
)
from circulant.train.fit import fit
from circulant.train.predict import predict

PUBLISHED = ((AFFNET, 5.5e6), (AFFNET_T, 2.6e6), (AFFNET_ET, 1.4e6))


@pytest.mark.parametrize(("design", "published"), PUBLISHED)
def test_the_parameters_are_as_many_as_published(design, published):
    with torch.device("meta"):
        network = AFFNet(design)
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert abs(counted / published - 1) < 0.05


def test_pictures_become_logits_on_a_grid_32_times_coarser():
    with torch.device("meta"):
        network = AFFNet(AFFNET_ET, classes=7)
        x = torch.empty(2, 3, 256, 192)
    assert network.body(x).shape[2:] == (8, 6)
    assert network(x).shape == (2, 7)


def test_a_filter_layer_sees_the_whole_picture_and_a_block_fuses_it_with_its_input():
    torch.manual_seed(0)
    x = torch.randn(1, 8, 9, 9, dtype=torch.float64)
    layer, block = FilterLayer(8).double().eval(), AFFBlock(8, 1).double().eval()
    far = x.clone()
    far[..., 0, 0] += 1
    assert (layer(far) - layer(x))[..., 5, 5].abs().min() > 0
    assert_close(block(x), block.fuse(torch.cat([x, block.project(block.global_part(x))], 1)))
    unfused = AFFBlock(8, 1, fuses=False).double().eval()
    assert_close(unfused(x), unfused.project(unfused.global_part(x)))


@pytest.mark.slow
def test_a_small_network_reads_digits():
    digits = mnist_5k(0)
    torch.manual_seed(0)
    network = AFFNet(AffDesign((AffStage(24, 2, 2, False), AffStage(40, 2, 1)), expand=2), 10, 1)
    fit(network, torch.from_numpy(digits.train.x), torch.from_numpy(digits.train.y), steps=400)
    right = predict(network, torch.from_numpy(digits.test.x)) == torch.from_numpy(digits.test.y)
    assert right.double().mean() >= 0.95
