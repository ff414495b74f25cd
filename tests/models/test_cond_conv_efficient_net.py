"""Conditional EfficientNet: parameters and multiply-adds as published, one routing vector for each block."""

from dataclasses import replace
from functools import cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models.cond_conv_efficient_net import (
    EFFICIENT_NET_B0,
    CondConvEfficientNet,
    MobileBlock,
    MobileStage,
)
from circulant.operators.dynamic.cond_conv2d import CondConv2d

ORDINARY = tuple(replace(stage, conditional=False) for stage in EFFICIENT_NET_B0)


@cache
def counted(stages=EFFICIENT_NET_B0) -> tuple[int, float]:
    """Parameters, and multiply-adds of one picture of 224 x 224."""
    with torch.device("meta"):
        network, x = CondConvEfficientNet(stages).eval(), torch.empty(1, 3, 224, 224)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(x)
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() / 2


def test_parameters_and_multiply_adds_are_those_of_eight_experts():
    parameters, multiply_adds = counted()
    assert abs(parameters / 24.01e6 - 1) < 0.005
    assert abs(multiply_adds / 407e6 - 1) < 0.005
    assert abs(multiply_adds / 413e6 - 1) < 0.02  # published


def test_mixing_costs_what_eight_experts_have_weights():
    parameters, multiply_adds = counted(ORDINARY)
    assert abs(parameters / 5.29e6 - 1) < 0.005  # EfficientNet-B0
    assert abs(multiply_adds / 385.8e6 - 1) < 0.001
    assert abs((counted()[1] - multiply_adds) / 21.4e6 - 1) < 0.005


def test_the_last_eight_blocks_are_conditional():
    with torch.device("meta"):
        blocks = [part for part in CondConvEfficientNet().modules() if isinstance(part, MobileBlock)]
    assert [block.routing is not None for block in blocks] == [False] * 8 + [True] * 8


def test_one_routing_vector_from_the_input_drives_all_three_convolutions():
    torch.manual_seed(0)
    block = MobileBlock(8, 8, 3, 1, 2, experts=3).double().eval()
    x = torch.randn(3, 8, 5, 4, dtype=torch.float64)
    gates = torch.sigmoid(x.mean((2, 3)) @ block.routing.weight.T + block.routing.bias)
    examples = []
    for one, gate in zip(x, gates):
        h = one[None]
        for conv, norm in (
            (block.expand, block.expand_norm),
            (block.depthwise, block.depthwise_norm),
            (block.project, block.project_norm),
        ):
            assert isinstance(conv, CondConv2d)
            assert conv.routing is None
            h = block.gate(h) if conv is block.project else h
            kernel = torch.einsum("n,noihw->oihw", gate, conv.weight)
            h = norm(torch.conv2d(h, kernel, None, 1, conv.settings.padding[0][0], 1, conv.settings.groups))
            h = h if conv is block.project else torch.nn.functional.silu(h)
        examples.append(one[None] + h)
    assert_close(block(x), torch.cat(examples))


def test_a_small_network_takes_pictures_of_odd_sizes():
    stages = (MobileStage(8, 1, 3, 1, 1), MobileStage(16, 2, 5, 2, 3, conditional=True))
    network = CondConvEfficientNet(stages, 5, 1, experts=2, stem=8, head=32, drop_path=0.1)
    assert network(torch.randn(4, 1, 21, 18)).shape == (4, 5)
