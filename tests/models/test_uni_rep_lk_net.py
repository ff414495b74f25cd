"""UniRepLKNet has the published sizes, merges exactly, and its large kernels see further once trained."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.explain.receptive_field import effective_receptive_field
from circulant.models import uni_rep_lk_net
from circulant.models.global_response_norm import GlobalResponseNorm
from circulant.models.heads import PoolHead
from circulant.models.uni_rep_lk_net import UniRepLKNet, UniRepLKNetBlock, UniRepLKNetDesign
from circulant.train.fit import fit

MERGED = {"A": 4.4e6, "F": 6.2e6, "P": 10.7e6, "N": 18.3e6, "T": 31.04e6, "S": 55.6e6, "B": 97.9e6}


def counted(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def shaken(module: nn.Module) -> nn.Module:
    """With every parameter and statistic away from its first value."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) + 0.5 if "var" in name else torch.randn_like(value))
    return module.eval()


@pytest.mark.slow
@pytest.mark.parametrize("name", MERGED)
def test_merged_networks_have_the_published_number_of_parameters(name):
    with torch.device("meta"):
        network = UniRepLKNet(getattr(uni_rep_lk_net, f"UNI_REP_LK_NET_{name}"))
        network.reparameterize()
    assert counted(network) == pytest.approx(MERGED[name], rel=0.01)


def test_branches_norms_and_scales_of_the_tiny_network_are_as_many_as_published():
    with torch.device("meta"):
        network = UniRepLKNet().eval()
    assert counted(network) == pytest.approx(31.69e6, rel=0.001)
    network.reparameterize()
    assert counted(network) == pytest.approx(31.04e6, rel=0.001)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        assert network(torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 1000)
    assert counter.get_total_flops() / 2 == pytest.approx(4.9e9, rel=0.01)


@pytest.mark.parametrize("kernel", [3, 5, 7, 13, 17])
def test_a_merged_block_equals_the_one_that_was_trained(kernel):
    torch.manual_seed(kernel)
    block = shaken(UniRepLKNetBlock(6, kernel).double())
    x = torch.randn(2, 6, 15, 14, dtype=torch.float64)
    before = block(x)
    for _ in range(2):  # the second time nothing is left to merge
        block.reparameterize()
        assert_close(block(x), before)
    assert sorted(name for name, _ in block.named_parameters() if "gate" not in name) == [
        *("expand.bias", "expand.weight", "mixer.bias", "mixer.weight"),
        *("project.bias", "project.weight", "respond.gain"),
    ]


def test_a_merged_block_is_the_same_in_single_precision():
    torch.manual_seed(0)
    block, x = shaken(UniRepLKNetBlock(16, 13)), torch.randn(2, 16, 28, 28)
    before = block(x)
    block.reparameterize()
    assert_close(block(x), before, 1e-6)


def test_a_block_is_the_published_chain():
    torch.manual_seed(0)
    block = shaken(UniRepLKNetBlock(8, 7).double())
    x = torch.randn(2, 8, 9, 10, dtype=torch.float64)
    gated = block.gate(block.mixer_norm(block.mixer(x)))
    hidden = nn.functional.gelu(block.expand(gated.movedim(1, -1)))
    size = hidden.square().sum((1, 2), keepdim=True).sqrt()
    response = size / (size.mean(-1, keepdim=True) + 1e-6)
    hidden = block.respond.gain * hidden * response + block.respond.bias + hidden
    y = block.norm(block.project(hidden).movedim(-1, 1))
    assert_close(block(x), x + block.scale[:, None, None] * y)
    assert block.gate.reduce.out_features == 2
    assert block.expand.out_features == 32


def test_a_response_norm_starts_as_the_identity():
    x = torch.randn(2, 5, 6, 4)
    for bias in (True, False):
        assert_close(GlobalResponseNorm(4, bias=bias)(x), x)


def test_kernels_alternate_where_the_design_says_so():
    network = UniRepLKNet(UniRepLKNetDesign(8, ((3,), (13, 3))), 5)
    kernels = [
        block.mixer.weight.shape[-1] if block.mixer.__class__.__name__ == "DepthwiseConv2d" else 13
        for block in network.modules()
        if isinstance(block, UniRepLKNetBlock)
    ]
    assert kernels == [3, 13, 3]
    assert network(torch.randn(2, 3, 32, 40)).shape == (2, 5)


@pytest.mark.slow
def test_large_kernels_trained_on_digits_see_further_than_small_ones_and_still_merge():
    digits = mnist_5k(0)
    x, y = torch.from_numpy(digits.train.x), torch.from_numpy(digits.train.y)
    sides = {}
    for kernel in (3, 13):
        torch.manual_seed(0)
        blocks = [UniRepLKNetBlock(12, kernel) for _ in range(2)]
        for block in blocks:
            nn.init.ones_(block.scale)  # a short training would leave them the identity
        body = nn.Sequential(nn.Conv2d(1, 12, 3, 2, 1), nn.BatchNorm2d(12), *blocks)
        fit(nn.Sequential(body, PoolHead(12, 10)), x, y, steps=60)
        sides[kernel] = effective_receptive_field(body, x[:8]).half_side
        before = body(x[:8])
        for block in blocks:
            block.reparameterize()
        assert_close(body(x[:8]), before, 1e-6)
    assert sides[13] > sides[3] + 4
