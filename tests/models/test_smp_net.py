"""SMPNet: the published sizes, and branches that merge into one kernel."""

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.models.rep_lk_net import LargeKernelStage
from circulant.models.smp_net import SMPNET_B, SMPNET_T, SmpBranches, SMPNet
from circulant.operators.spatial.smp_conv import SMPConv2d
from circulant.train.fit import fit
from circulant.train.recipe import Recipe

SMALL = (LargeKernelStage(8, 1, 7), LargeKernelStage(16, 1, 3))


@pytest.mark.parametrize(("stages", "million"), [(SMPNET_T, 27), (SMPNET_B, 80)])
def test_parameters_are_those_published(stages, million):
    with torch.device("meta"):
        network = SMPNet(stages)
    assert round(sum(p.numel() for p in network.parameters()) / 1e6) == million


def at_random(module: nn.Module) -> nn.Module:
    """Norms that do something."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 2)
            nn.init.normal_(norm.bias)
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.5, 2)
    return module.eval()


@pytest.mark.parametrize("kernel", [3, 5, 13])
def test_branches_with_random_norms_merge_into_one_kernel(kernel):
    branches = at_random(SmpBranches(6, kernel))
    nn.init.normal_(branches.large.points.weight)
    x = torch.randn(2, 6, 15, 14)
    single = branches.fuse()
    assert_close(single(x), branches(x), 1e-6)
    assert [name for name, _ in single.named_parameters()] == ["single.weight", "single.bias"]


def test_a_trained_network_merges_and_answers_the_same():
    torch.manual_seed(0)
    network = SMPNet(SMALL, 3, 1)
    x = torch.randn(48, 1, 24, 24)
    y = (x.mean((1, 2, 3)) > 0).long()
    losses = fit(network, x, y, steps=12, recipe=Recipe(batch=16))
    assert losses[-1] < losses[0]
    expected = network(x[:4])
    network.reparameterize()
    assert_close(network(x[:4]), expected, 1e-6)
    assert not any(isinstance(module, SMPConv2d) for module in network.modules())


def test_radii_of_all_blocks_are_held_within_limits():
    network = SMPNet(SMALL, 3, 1)
    kernels = [module.points for module in network.modules() if isinstance(module, SMPConv2d)]
    for points in kernels:
        nn.init.constant_(points.radius, 5.0)
    network.clamp_parameters()
    assert [points.radius.max().item() for points in kernels] == [1, 1]


def test_the_last_blocks_are_dropped_most_often():
    network = SMPNet(SMALL, 3, 1, drop_path=0.3)
    rates = [module.drop_path.rate for module in network.modules() if hasattr(module, "drop_path")]
    assert rates == [0, 0, 0.3, 0.3]
