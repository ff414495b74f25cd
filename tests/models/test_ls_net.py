"""LSNet has the sizes that were published, and its static branches merge exactly."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.models.ls_net import LSNET_B, LSNET_S, LSNET_T, BiasedAttention, LSDesign, LSNet
from circulant.models.rep_depthwise import RepDepthwise
from circulant.operators.dynamic.ls_conv2d import LSConv2d

PUBLISHED = ((LSNET_T, 11.41e6), (LSNET_S, 16.15e6), (LSNET_B, 23.31e6))
TINY = LSDesign((16, 16, 24, 32), (1, 2, 3, 2))


@pytest.mark.parametrize(("design", "published"), PUBLISHED)
def test_the_parameters_are_as_many_as_published(design, published):
    with torch.device("meta"):
        network = LSNet(design)
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert abs(counted / published - 1) < 0.005


def test_odd_blocks_are_large_small_convolutions_and_in_the_last_stage_attention():
    network = LSNet(TINY, 7, 3, size=128)
    kinds = [type(part) for part in network.modules()]
    assert kinds.count(LSConv2d) == 2
    assert kinds.count(BiasedAttention) == 1
    assert kinds.count(RepDepthwise) == 5
    assert network(torch.randn(2, 3, 128, 96)).shape == (2, 7)


def test_pictures_larger_than_the_network_was_built_for_are_refused():
    network = LSNet(TINY, size=64)
    with pytest.raises(ShapeError, match="at most 1 positions"):
        network(torch.randn(2, 3, 128, 64))
    with pytest.raises(ArgumentError, match="heads that divide"):
        BiasedAttention(10, 4, 7)


def test_attention_adds_a_bias_by_distance_before_the_softmax():
    torch.manual_seed(0)
    side, H, W = 4, 3, 4
    module = BiasedAttention(8, 2, side).double().eval()
    nn.init.normal_(module.bias)
    nn.init.ones_(module.project_out[-1].weight)
    x = torch.randn(2, 8, H, W, dtype=torch.float64)
    q, k, v = module.project_in(x).split((32, 32, 8), 1)
    q = module.neighbours(q)
    y = torch.zeros_like(x)
    for head in range(2):
        keys, values = slice(16 * head, 16 * head + 16), slice(4 * head, 4 * head + 4)
        for h in range(H):
            for w in range(W):
                score = (q[:, keys, h, w, None, None] * k[:, keys]).sum(1) / 4
                for i in range(H):
                    for j in range(W):
                        score[:, i, j] += module.bias[head, abs(h - i), abs(w - j)]
                weight = score.flatten(1).softmax(1).view(-1, 1, H, W)
                y[:, values, h, w] = (weight * v[:, values]).sum((2, 3))
    assert_close(module(x), module.project_out(y.relu()))


@pytest.mark.parametrize("trained", [False, True])
def test_static_branches_merge_into_one_convolution(trained):
    torch.manual_seed(0)
    module, x = RepDepthwise(6), torch.randn(8, 6, 9, 7)
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    for _ in range(5 if trained else 0):
        optimiser.zero_grad()
        (module(x) - x.roll(1, 2)).square().mean().backward()
        optimiser.step()
    module.eval()
    before = module(x)
    module.reparameterize()
    assert isinstance(module.window, nn.Conv2d)
    assert_close(module(x), before, 1e-6)
    module.reparameterize()  # once more changes nothing
    assert_close(module(x), before, 1e-6)
