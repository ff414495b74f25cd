"""RepLKNet has the published sizes, and merges exactly."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models.rep_lk_net import REP_LK_NET_31B, REP_LK_NET_31L, LargeKernelStage, RepLKNet

SMALL = (LargeKernelStage(8, 1, 9), LargeKernelStage(16, 2, 7))


@pytest.mark.parametrize(
    ("stages", "side", "parameters", "work"),
    [(REP_LK_NET_31B, 224, 79.5e6, 15.4e9), (REP_LK_NET_31L, 384, 172e6, 96e9)],
    ids=["31B", "31L"],
)
def test_merged_networks_have_the_published_parameters_and_work(stages, side, parameters, work):
    with torch.device("meta"):
        network = RepLKNet(stages).eval()
        network.reparameterize()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert network(torch.empty(1, 3, side, side)).shape == (1, 1000)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, rel=0.005)
    assert counter.get_total_flops() / 2 == pytest.approx(work, rel=0.01)


def test_the_merged_network_computes_the_same_with_one_kernel_for_each_pair():
    torch.manual_seed(0)
    network = RepLKNet(SMALL, 5, 1).double().eval()
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.5, 2)
    x = torch.randn(2, 1, 40, 36, dtype=torch.float64)
    before, parts = network(x), len(list(network.parameters()))
    network.reparameterize()
    assert_close(network(x), before)
    # of two kernels, each with a norm of two parameters, are left a kernel and a bias
    assert parts - len(list(network.parameters())) == 4 * 3


def test_a_pair_of_blocks_is_the_published_chain():
    torch.manual_seed(0)
    network = RepLKNet((LargeKernelStage(4, 1, 7),), 5, 1).double().eval()
    spatial, channels = network.body[-2:]
    x = torch.randn(1, 4, 9, 8, dtype=torch.float64)
    scale = (1 + 1e-5) ** -0.5  # of a norm that has seen nothing
    (reduce, *_), mixer, _, (project, *_) = spatial.branch
    large, small = (conv.weight for conv in mixer.body.convs)
    h = (scale**2 * torch.conv2d(x, reduce.weight)).relu()
    h = scale * (torch.conv2d(h, large, padding=3, groups=4) + torch.conv2d(h, small, padding=2, groups=4))
    assert_close(spatial(x), x + scale * torch.conv2d(h.relu(), project.weight))
    (widen, *_), (narrow, *_) = channels.branch
    hidden = nn.functional.gelu(scale**2 * torch.conv2d(x, widen.weight))
    assert_close(channels(x), x + scale * torch.conv2d(hidden, narrow.weight))
