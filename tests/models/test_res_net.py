"""ResNet-50 has the published size; its strides are in the 3x3 convolutions."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models.res_net import Bottleneck, ResNet


def test_parameters_and_work_are_the_published_ones():
    with torch.device("meta"):
        network = ResNet().eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert network(torch.empty(1, 3, 224, 224)).shape == (1, 1000)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(25.557e6, rel=0.001)
    assert counter.get_total_flops() / 2 == pytest.approx(4.09e9, rel=0.005)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_bottleneck_is_three_convolutions_beside_a_shortcut(stride):
    torch.manual_seed(0)
    block = Bottleneck(6, 4, stride).double().eval()
    x = torch.randn(2, 6, 7, 8, dtype=torch.float64)
    (first, *_), (middle, *_), (last, *_) = block.branch
    scale = (1 + 1e-5) ** -0.5  # of a norm that has seen nothing
    h = (scale * torch.conv2d(x, first.weight)).relu()
    h = (scale * torch.conv2d(h, middle.weight, stride=stride, padding=1)).relu()
    h = scale * torch.conv2d(h, last.weight)
    shortcut = scale * torch.conv2d(x, block.shortcut[0].weight, stride=stride)
    assert_close(block(x), (shortcut + h).relu())


def test_grids_halve_and_widths_double_from_stage_to_stage():
    network = ResNet((1, 2), 5, 1, width=8).eval()
    x = torch.randn(2, 1, 32, 48)
    assert [feature.shape for feature in network.features(x)] == [(2, 32, 8, 12), (2, 64, 4, 6)]
    assert network(x).shape == (2, 5)
