"""InceptionNeXt has the published sizes, and its block is the published one."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models.inception_next import (
    INCEPTION_NEXT_B,
    INCEPTION_NEXT_S,
    INCEPTION_NEXT_T,
    InceptionNeXt,
    InceptionNeXtDesign,
    meta_next_block,
)

PUBLISHED = [  # parameters and multiply-adds at 224 x 224, as printed
    (INCEPTION_NEXT_T, 28.06e6, 4.19e9),
    pytest.param(INCEPTION_NEXT_S, 49.4e6, 8.36e9, marks=pytest.mark.slow),
    pytest.param(INCEPTION_NEXT_B, 86.7e6, 14.8e9, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("design", "parameters", "work"), PUBLISHED, ids=["T", "S", "B"])
def test_parameters_and_work_are_the_published_ones(design, parameters, work):
    with torch.device("meta"):
        network = InceptionNeXt(design).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert network(torch.empty(1, 3, 224, 224)).shape == (1, 1000)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, rel=0.005)
    assert counter.get_total_flops() / 2 == pytest.approx(work, rel=0.005)


def test_a_block_adds_a_scaled_mlp_of_the_normed_mixture():
    torch.manual_seed(0)
    mixer = nn.Conv2d(4, 4, 3, padding=1)
    block = meta_next_block(mixer, 4, 3, scale=0.5, drop_path=0.0).double().eval()
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    _, norm, mlp = block.branch
    nn.init.normal_(norm.running_mean)
    normed = (mixer(x) - norm.running_mean[:, None, None]) / (1 + norm.eps) ** 0.5
    positions = nn.functional.gelu(normed.movedim(1, -1) @ mlp.expand.weight.T + mlp.expand.bias)
    expected = x + 0.5 * (positions @ mlp.project.weight.T + mlp.project.bias).movedim(-1, 1)
    assert_close(block(x), expected)
    assert mlp.expand.out_features == 12


def test_blocks_start_as_the_identity_up_to_their_scale():
    torch.manual_seed(0)
    network = InceptionNeXt(InceptionNeXtDesign((8, 16), (2, 1), (4, 3)), 5, scale=0.0).eval()
    x = torch.randn(2, 3, 16, 24)
    finer, coarser = network.features(x)
    assert torch.equal(finer, network.stages[0][:2](x))
    assert coarser.shape == (2, 16, 2, 3)
    assert network(x).shape == (2, 5)
