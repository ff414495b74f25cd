"""A small U-Net whose convolutions filter and spread, and brought back bit for bit."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.models.unet import UNet
from circulant.operators.spatial.fouri_scale_conv import FouriScaleConv2d
from circulant.optimise.apply_fouriscale import apply_fouriscale


def network():
    torch.manual_seed(0)
    return UNet(
        [nn.Conv2d(3, 8, 3, padding=1)],
        [nn.Conv2d(8, 16, 3, 2, 1)],
        nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.SiLU()),
        [nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(16, 8, 3, padding=1))],
        [nn.Conv2d(16, 8, 3, padding=1)],
        nn.Conv2d(8, 3, 1),
    ).eval()


NATIVE = {"encoders.0": 16, "downs.0": 16, "middle.0": 8, "ups.0.1": 16, "decoders.0": 16}


def test_apply_and_undo_leave_every_bit():
    model, x = network(), torch.randn(3, 3, 32, 48)
    expected, before = model(x), list(model.modules())
    state = {name: value.clone() for name, value in model.state_dict().items()}
    rewrite = apply_fouriscale(model, NATIVE, 3.0, unfiltered=["ups.0.1"], branches=True, weak_divisor=1.5)
    assert len(rewrite.replaced) == 5
    changed = model(x)
    assert changed.shape == expected.shape
    assert not torch.allclose(changed, expected, atol=1e-3)
    assert rewrite.undo() is model
    assert list(model.modules()) == before
    assert torch.equal(model(x), expected)
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_scale_one_changes_nothing():
    model, x = network(), torch.randn(2, 3, 32, 32)
    expected = model(x)
    apply_fouriscale(model, NATIVE, 1.0)
    assert torch.equal(model(x), expected)


def test_layers_behind_an_upsampling_are_not_filtered():
    model = network()
    apply_fouriscale(model, NATIVE, 2.0, floor=0.6, unfiltered=["ups.0.1"])
    layers = {name: m for name, m in model.named_modules() if isinstance(m, FouriScaleConv2d)}
    assert [name for name, layer in layers.items() if layer.low_pass is None] == ["ups.0.1"]
    assert layers["middle.0"].native == (8, 8)
    assert layers["middle.0"].floor == 0.6


def test_other_layers_are_refused():
    with pytest.raises(ArgumentError, match=r"'middle\.1' to be a convolution layer of torch, got SiLU"):
        apply_fouriscale(network(), {"middle.1": 8}, 2.0)
