"""A small U-Net whose convolutions are spread, and brought back."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.models.unet import UNet
from circulant.operators.spatial.dispersed_kernel import dispersion
from circulant.operators.spatial.re_dilated_conv import ReDilatedConv2d
from circulant.optimise.redilate import Dispersal, redilate


def network():
    torch.manual_seed(0)
    return UNet(
        [nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.SiLU())],
        [nn.Conv2d(8, 16, 3, 2, 1)],
        nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.SiLU()),
        [nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(16, 8, 3, padding=1))],
        [nn.Conv2d(16, 8, 3, padding=1)],
        nn.Conv2d(8, 3, 1),
    ).eval()


def convolutions(model):
    return [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]


def test_a_factor_of_one_leaves_every_bit_and_undo_restores():
    model, x = network(), torch.randn(2, 3, 32, 32)
    expected, before = model(x), list(model.modules())
    rewrite = redilate(model, dict.fromkeys(convolutions(model), 1.0))
    assert len(rewrite.replaced) == 6
    assert convolutions(model) == []
    assert torch.equal(model(x), expected)
    assert rewrite.undo() is model
    assert list(model.modules()) == before
    assert torch.equal(model(x), expected)


def test_spread_layers_keep_sizes_and_parameters_and_change_the_output_until_undone():
    model, x = network(), torch.randn(1, 3, 36, 32)
    expected, parameters = model(x), dict(model.named_parameters())
    rewrite = redilate(model, {"middle.0": 2.5, "downs.0": 2.0})
    assert [each.name for each in rewrite.replaced] == ["downs.0", "middle.0"]
    assert {name: id(p) for name, p in model.named_parameters()} == {n: id(p) for n, p in parameters.items()}
    spread = model(x)
    assert spread.shape == expected.shape
    assert not torch.allclose(spread, expected, atol=1e-3)
    rewrite.undo()
    assert torch.equal(model(x), expected)


def test_dispersed_layers_have_larger_kernels_and_half_the_factor():
    model, x = network(), torch.randn(1, 3, 32, 32)
    expected = model(x)
    transform = dispersion(3, 5, 2, eta=1e-9)
    dilated = redilate(model, {"middle.0": 4.0})
    wide = model(x)
    dilated.undo()
    rewrite = redilate(model, {"middle.0": 4.0}, Dispersal({"middle.0"}, transform))
    layer = model.middle[0]
    assert isinstance(layer, ReDilatedConv2d)
    assert layer.settings.kernel == (5, 5)
    assert layer.spread.dilation == (2, 2)
    assert torch.allclose(model(x), wide, atol=1e-4)  # by structure alone, five taps are dilated three
    rewrite.undo()
    assert torch.equal(model(x), expected)


def test_other_layers_and_unknown_names_are_refused():
    with pytest.raises(ArgumentError, match=r"'middle\.1' to be a convolution layer of torch, got SiLU"):
        redilate(network(), {"middle.1": 2.0})
    with pytest.raises(ArgumentError, match="names of modules in the network, got nowhere"):
        redilate(network(), {"nowhere": 2.0})
    with pytest.raises(ArgumentError, match=r"a factor for each dispersed layer, got none for middle\.0"):
        redilate(network(), {}, Dispersal({"middle.0"}, dispersion(3, 5, 2, eta=1.0)))
