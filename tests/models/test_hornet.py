"""HorNet has the published sizes, and its blocks are two scaled branches behind layer norms."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models import hornet
from circulant.models.hornet import HorNet, HorNetDesign, gated_block

PUBLISHED = {"T": 22.41e6, "T_GF": 23e6, "S": 49.5e6, "S_GF": 50e6, "B": 87e6, "B_GF": 88e6}


def built(name: str) -> HorNet:
    with torch.device("meta"):
        return HorNet(getattr(hornet, f"HORNET_{name}")).eval()


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_many_as_published(name):
    assert sum(p.numel() for p in built(name).parameters()) == pytest.approx(PUBLISHED[name], rel=0.01)


def test_the_tiny_network_has_the_published_parameters_and_work():
    network = built("T")
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(22.41e6, rel=0.01)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        assert network(torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 1000)
    assert counter.get_total_flops() / 2 == pytest.approx(3.97e9, rel=0.01)


def test_a_block_adds_a_gated_convolution_and_an_mlp_each_scaled_and_normed():
    torch.manual_seed(0)
    gated, mixed = block = gated_block(8, 2, None).double().eval()
    x = torch.randn(2, 8, 9, 10, dtype=torch.float64)
    for part in block:
        torch.nn.init.normal_(part.scale)
    assert gated.branch.scale == 1 / 3
    middle = x + gated.scale[:, None, None] * gated.branch(gated.norm(x))
    assert_close(block(x), middle + mixed.scale[:, None, None] * mixed.branch(mixed.norm(middle)))


@pytest.mark.parametrize("grids", [(None, None), (None, 4)])
def test_pictures_of_any_size_get_their_logits(grids):
    network = HorNet(HorNetDesign(8, (1, 1), (2, 3), grids), 5).eval()
    x = torch.randn(2, 3, 48, 40)
    finer, coarser = network.features(x)
    assert (finer.shape, coarser.shape) == ((2, 8, 12, 10), (2, 16, 6, 5))
    assert network(x).shape == (2, 5)
