"""MobileNetV2 has the published size, and its blocks are narrow at their ends."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models.inverted_residual import InvertedResidual
from circulant.models.mobile_net_v2 import MobileNetV2, MobileRow


def test_parameters_and_work_are_the_published_ones():
    with torch.device("meta"):
        network = MobileNetV2().eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert network(torch.empty(1, 3, 224, 224)).shape == (1, 1000)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(3.505e6, rel=0.001)
    assert counter.get_total_flops() / 2 == pytest.approx(300e6, rel=0.01)


def test_a_block_expands_looks_around_and_projects():
    torch.manual_seed(0)
    block = InvertedResidual(4, 4, expand=3, activation=nn.ReLU6).double().eval()
    x = 3 * torch.randn(2, 4, 6, 5, dtype=torch.float64)
    h = x
    for conv, norm, *rest in block.branch:
        padding = conv.kernel_size[0] // 2
        h = norm(torch.conv2d(h, conv.weight, padding=padding, groups=conv.groups))
        h = h.clamp(0, 6) if rest else h
    assert_close(block(x), x + h)
    assert [part[0].out_channels for part in block.branch] == [12, 12, 4]


def test_each_grid_has_a_stage():
    network = MobileNetV2((MobileRow(8, 1, 1, 1), MobileRow(8, 2, 2)), 5, 1, stem=4, last=16).eval()
    shapes = [feature.shape[1:] for feature in network.features(torch.randn(1, 1, 32, 24))]
    assert shapes == [(8, 16, 12), (16, 8, 6)]
    assert not any(part.is_residual for part in network.stages[0][1:])
    assert [part.is_residual for part in network.stages[1][:2]] == [False, True]
