"""Efficiency of layers and blocks, on a machine of round numbers and a clock that is told what to show."""

from itertools import count

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.engine.machine import Cost, Machine, default_machine
from circulant.explain.layer_efficiency import network_efficiency, peak_of
from circulant.models.conv_first_net import ConvFirstNet, ConvFirstNetDesign, conv_first_block
from circulant.operators.spatial.fused_conv_first_block import FusedConvFirstBlock

# 100 Gflop/s; 20 GB/s up to 1 kB, 10 GB/s from memory
ROUND = Machine(
    ((1000.0, 20e9), (None, 10e9)),
    1e9,
    {"any": 1e-5},
    {"any": Cost(1e-8, 0.0), "direct": Cost(1e-11, 1.0)},
    {},
)


def told(step):
    """A clock that goes on by step seconds at every look."""
    looks = count()
    return lambda: next(looks) * step


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return x + self.relu(self.conv(x))


def network():
    return nn.Sequential(Block(), nn.Conv2d(8, 16, 1, bias=False), nn.Flatten()).eval()


def test_operations_bytes_and_bounds_are_those_worked_out_by_hand():
    found = {one.name: one for one in network_efficiency(network(), torch.ones(1, 8, 10, 10), ROUND).modules}
    assert list(found) == ["", "0", "0.conv", "0.relu", "1", "2"]
    conv, point = found["0.conv"], found["1"]
    assert conv.cost.flop == 2 * 8 * 8 * 9 * 100
    assert conv.cost.byte == 4 * (800 + 800 + 8 * 8 * 9)
    assert conv.gap.ideal_seconds == pytest.approx(115_200 / 100e9)
    assert conv.bound_seconds == pytest.approx(115_200 / 100e9)  # 1.15 us of arithmetic, 0.87 us of memory
    assert point.cost.flop == 2 * 8 * 16 * 100
    assert point.cost.byte == 4 * (800 + 1600 + 128)
    assert point.bound_seconds == pytest.approx(4 * 2528 / 10e9)  # 0.26 us of arithmetic, 1.01 us of memory
    assert point.waiting_seconds == pytest.approx(4 * 2528 / 10e9 - 25_600 / 100e9)
    assert found["0.relu"].cost.byte == found["2"].cost.byte == 0  # in place, and a view
    whole = found[""]
    assert whole.bound_seconds == pytest.approx(conv.bound_seconds + point.bound_seconds)
    assert whole.cost.flop == conv.cost.flop + point.cost.flop
    assert [one.name for one in found.values() if one.is_layer] == ["0.conv", "0.relu", "1", "2"]


def test_efficiency_is_operations_over_peak_times_the_seconds_of_the_clock():
    found = {
        one.name: one
        for one in network_efficiency(
            network(), torch.ones(1, 8, 10, 10), ROUND, repeats=2, clock=told(1e-6)
        ).modules
    }
    assert found["0.conv"].gap.seconds == pytest.approx(1e-6)
    assert found["0"].gap.seconds == pytest.approx(5e-6)  # the looks around its two layers lie between
    assert found["0.conv"].gap.efficiency == pytest.approx(115_200 / (100e9 * 1e-6))
    assert found[""].gap.lost_seconds == pytest.approx(found[""].gap.seconds - (115_200 + 25_600) / 100e9)


def test_the_rate_is_that_of_the_fastest_memory_that_holds_a_layer():
    assert peak_of(ROUND, 1000).byte_per_s == 20e9
    assert peak_of(ROUND, 1001).byte_per_s == 10e9
    assert peak_of(ROUND, 1).flop_per_s == pytest.approx(100e9)


def test_no_measured_layer_or_block_is_faster_than_its_waterline():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 32, 3, stride=2), conv_first_block(32), nn.Conv2d(32, 64, 1)).eval()
    found = network_efficiency(net, torch.randn(4, 3, 64, 64))
    for one in found.modules:
        assert one.gap.seconds >= one.bound_seconds, one


def test_a_fused_block_waits_less_for_memory_with_the_same_operations():
    design = ConvFirstNetDesign((16,), (1,))
    net = ConvFirstNet(design, classes=4).eval()
    x = torch.randn(1, 3, 32, 32)
    apart = {one.name: one for one in network_efficiency(net, x, ROUND, repeats=1).modules}
    fused = {one.name: one for one in network_efficiency(net.fused(), x, ROUND, repeats=1).modules}
    assert isinstance(net.fused().stages[0][3], FusedConvFirstBlock)
    assert fused["stages.0.3"].is_layer
    assert not apart["stages.0.3"].is_layer
    assert fused["stages.0.3"].cost.flop == apart["stages.0.3"].cost.flop
    assert fused["stages.0.3"].bound_seconds < 0.5 * apart["stages.0.3"].bound_seconds


def test_the_network_is_left_as_it_was():
    net = network().train()
    network_efficiency(net, torch.ones(1, 8, 10, 10), default_machine(), repeats=1)
    assert net.training
    assert all(not one._forward_hooks and not one._forward_pre_hooks for one in net.modules())
    assert all(one.grad is None for one in net.parameters())


def test_the_picture_shows_layers_or_the_blocks_at_a_depth():
    found = network_efficiency(network(), torch.ones(1, 8, 10, 10), ROUND, repeats=1, clock=told(1e-6))
    layers, blocks = found.plot(), found.plot(depth=1)
    assert layers.startswith("<svg")
    assert ">0.conv<" in layers
    assert ">0.conv<" not in blocks
    assert ">0<" in blocks
    assert "waterline" in layers
    with pytest.raises(ArgumentError, match="depth"):
        found.plot(depth=0)
    with pytest.raises(ArgumentError, match="repeats"):
        network_efficiency(network(), torch.ones(1, 8, 10, 10), repeats=0)
