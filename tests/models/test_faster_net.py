"""FasterNet: sizes and work of the published networks, and the block."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models import faster_net
from circulant.models.faster_net import FasterNet, FasterNetBlock

PUBLISHED = {"t0": 3.91, "t1": 7.60, "t2": 14.98, "s": 31.18, "m": 53.52, "l": 93.47}


@pytest.mark.parametrize(("name", "millions"), PUBLISHED.items())
def test_parameters_are_the_published_ones(name, millions):
    with torch.device("meta"):
        network = getattr(faster_net, f"faster_net_{name}")()
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(millions * 1e6, rel=0.005)


def test_the_smallest_takes_the_published_work():
    with torch.device("meta"):
        network = faster_net.faster_net_t0().eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, 224, 224))
    assert counter.get_total_flops() / 2 == pytest.approx(0.335e9, rel=0.01)


def test_the_two_smallest_bend_by_gelu_and_the_others_by_relu():
    for name in PUBLISHED:
        with torch.device("meta"):
            kinds = {type(layer) for layer in getattr(faster_net, f"faster_net_{name}")().modules()}
        assert ((nn.GELU in kinds), (nn.ReLU in kinds)) == (
            (True, False) if name in ("t0", "t1") else (False, True)
        )


def test_a_block_adds_pointwise_maps_of_the_partial_convolution_to_its_input():
    torch.manual_seed(0)
    block = FasterNetBlock(8, nn.ReLU).double().eval()
    x = torch.randn(2, 8, 5, 6, dtype=torch.float64)
    partial, expand, _, _, project, _ = block.branch
    hidden = torch.einsum("oi,bihw->bohw", expand.weight[..., 0, 0], partial(x)) / (1 + 1e-5) ** 0.5
    wanted = x + torch.einsum("oi,bihw->bohw", project.weight[..., 0, 0], hidden.clamp(min=0))
    assert_close(block(x), wanted)


@pytest.mark.parametrize("spatial", [(32, 32), (45, 64)])
def test_pictures_of_any_size_get_their_logits(spatial):
    network = FasterNet(8, (1, 1, 1, 1), 5, in_channels=1, drop_path=0.5).eval()
    assert network(torch.randn(2, 1, *spatial)).shape == (2, 5)
