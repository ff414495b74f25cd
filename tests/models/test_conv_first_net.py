"""ConvFirstNet, trained layer by layer and fused for inference."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.errors import ArgumentError
from circulant.models.conv_first_net import ConvFirstNet, ConvFirstNetDesign, conv_first_block
from circulant.operators.spatial.fused_conv_first_block import FusedConvFirstBlock

SMALL = ConvFirstNetDesign((16, 24), (1, 2))


def with_lived_norms(net):
    """Norms with statistics and weights unlike those that they begin with."""
    torch.manual_seed(1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return net.eval()


@pytest.mark.parametrize("size", [(32, 32), (29, 35), (3, 2)])
def test_the_fused_network_equals_the_one_that_runs_layer_by_layer(size):
    torch.manual_seed(0)
    net = with_lived_norms(ConvFirstNet(SMALL, classes=5))
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        expected, found = net(x), net.fused()(x)
    assert sum(isinstance(one, FusedConvFirstBlock) for one in net.fused().modules()) == 3
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    double = net.double()
    with torch.no_grad():
        torch.testing.assert_close(double.fused()(x.double()), double(x.double()), rtol=1e-10, atol=1e-10)


def test_fusing_leaves_the_network_that_was_trained():
    net = with_lived_norms(ConvFirstNet(SMALL, classes=5))
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    net.fused()
    assert all(torch.equal(kept[name], value) for name, value in net.state_dict().items())
    assert sum(isinstance(one, FusedConvFirstBlock) for one in net.modules()) == 0


def test_a_block_costs_what_its_three_kernels_cost():
    block = conv_first_block(16, group_width=8, expansion=4).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        block(torch.zeros(1, 16, 10, 12))
    assert counter.get_total_flops() == 2 * 120 * (16 * 8 * 9 + 16 * 64 + 64 * 16)


def test_the_network_has_the_size_that_it_says():
    net = ConvFirstNet()
    assert sum(one.numel() for one in net.parameters()) == 9_979_944


def test_it_learns_to_tell_where_a_square_lies():
    torch.manual_seed(0)
    labels = torch.arange(64) % 4
    x = 0.3 * torch.randn(64, 1, 16, 16)
    for picture, label in zip(x, labels.tolist()):
        picture[0, 8 * (label // 2) : 8 * (label // 2) + 8, 8 * (label % 2) : 8 * (label % 2) + 8] += 1
    net = ConvFirstNet(ConvFirstNetDesign((8, 16), (1, 1)), classes=4, in_channels=1)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(40):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(net(x), labels)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1


def test_what_cannot_be_fused_or_grouped_is_refused():
    with pytest.raises(ArgumentError, match="eval mode"):
        ConvFirstNet(SMALL).fused()
    with pytest.raises(ArgumentError, match="divides channels"):
        conv_first_block(12, group_width=8)
