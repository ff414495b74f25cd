"""ConvNeXt has the published sizes, and its block is the published one."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models.conv_next import (
    CONV_NEXT_B,
    CONV_NEXT_L,
    CONV_NEXT_S,
    CONV_NEXT_T,
    ConvNeXt,
    ConvNeXtDesign,
    conv_next_block,
)

PUBLISHED = [  # parameters and multiply-adds at 224 x 224, as printed
    (CONV_NEXT_T, 28.59e6, 4.47e9),
    pytest.param(CONV_NEXT_S, 50.22e6, 8.71e9, marks=pytest.mark.slow),
    pytest.param(CONV_NEXT_B, 88.59e6, 15.38e9, marks=pytest.mark.slow),
    pytest.param(CONV_NEXT_L, 197.77e6, 34.40e9, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("design", "parameters", "work"), PUBLISHED, ids=["T", "S", "B", "L"])
def test_parameters_and_work_are_the_published_ones(design, parameters, work):
    with torch.device("meta"):
        network = ConvNeXt(design).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert network(torch.empty(1, 3, 224, 224)).shape == (1, 1000)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, rel=0.001)
    assert counter.get_total_flops() / 2 == pytest.approx(work, rel=0.01)


def test_a_block_adds_a_scaled_mlp_of_the_normed_convolution():
    torch.manual_seed(0)
    block = conv_next_block(4, 3, scale=0.5).double()
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    mixer, norm, mlp = block.branch
    nn.init.normal_(norm.norm.bias)
    mixed = nn.functional.conv2d(x, mixer.weight, mixer.bias, padding=1, groups=4).movedim(1, -1)
    normed = nn.functional.layer_norm(mixed, (4,), norm.norm.weight, norm.norm.bias, 1e-6)
    hidden = nn.functional.gelu(normed @ mlp.expand.weight.T + mlp.expand.bias)
    added = (hidden @ mlp.project.weight.T + mlp.project.bias).movedim(-1, 1)
    assert_close(block(x), x + 0.5 * added)
    assert mlp.expand.out_features == 16


def test_blocks_start_as_the_identity_up_to_their_scale():
    torch.manual_seed(0)
    network = ConvNeXt(ConvNeXtDesign((8, 16), (2, 1)), 5, scale=0.0).eval()
    x = torch.randn(2, 3, 16, 24)
    finer, coarser = network.features(x)
    assert torch.equal(finer, network.stages[0][:2](x))
    assert coarser.shape == (2, 16, 2, 3)
    assert network(x).shape == (2, 5)
