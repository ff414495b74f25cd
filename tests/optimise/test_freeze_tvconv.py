"""Freezing translation variant convolutions of a network."""

import torch
from torch import nn

from circulant.models.translation_variant_residual import TranslationVariantResidual
from circulant.operators.dynamic.translation_variant_conv2d import TranslationVariantConv2d
from circulant.optimise.freeze_tvconv import freeze_tvconv


def test_a_trained_network_computes_the_same_without_what_made_its_kernels():
    torch.manual_seed(0)
    network = nn.Sequential(TranslationVariantResidual(3, 4, (3, 4), stride=2), nn.Conv2d(4, 2, 1))
    x, target = torch.randn(8, 3, 6, 8), torch.randn(8, 2, 3, 4)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(5):
        optimiser.zero_grad()
        ((network(x) - target) ** 2).mean().backward()
        optimiser.step()
    network.eval()
    with torch.no_grad():
        expected = network(x)
        made = network[0].branch[3]
        dropped = sum(parameter.numel() for parameter in made.parameters())
        result = freeze_tvconv(network)
        assert torch.equal(result.module(x), expected)
    assert result.names == ("0.branch.3",)
    assert result.parameters_before - result.parameters_after == dropped
    assert not any(isinstance(part, TranslationVariantConv2d) for part in network.modules())
    assert "0.branch.3" in str(result)


def test_a_shared_layer_stays_shared_and_a_layer_alone_is_returned_frozen():
    layer = TranslationVariantConv2d(2, 3)
    pair = nn.ModuleList([layer, layer])
    freeze_tvconv(pair)
    assert pair[0] is pair[1]
    x = torch.randn(1, 2, 3, 3)
    assert torch.equal(freeze_tvconv(layer).module(x), layer(x))


def test_a_network_without_such_layers_is_left_alone():
    network = nn.Sequential(nn.Conv2d(1, 2, 3))
    result = freeze_tvconv(network)
    assert result.module is network
    assert result.names == ()
