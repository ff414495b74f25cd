"""Layers with packed weights compute what torch's do, and notice when a weight changes."""

import gc
from copy import deepcopy

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.optimise import packed_layers
from circulant.optimise.packed_layers import packed
from circulant.optimise.pointwise import NOTHING, pointwise_of

CONVOLUTIONS = [
    lambda: nn.Conv2d(3, 8, 3),
    lambda: nn.Conv2d(4, 8, (3, 5), stride=(2, 1), padding=(1, 2), groups=2),
    lambda: nn.Conv2d(6, 6, 5, padding="same", dilation=2, groups=6, bias=False),
    lambda: nn.Conv2d(5, 7, 1, padding="valid"),
]
LINEARS = [lambda: nn.Linear(5, 7), lambda: nn.Linear(16, 3, bias=False)]


def random(layer, *batch):
    if isinstance(layer, nn.Linear):
        return torch.randn(*batch, layer.in_features)
    return torch.randn(*batch, layer.in_channels, 13, 12)


@pytest.fixture(autouse=True)
def onednn(monkeypatch):
    """Linear layers go there however small, and nobody asks for gradients."""
    monkeypatch.setattr(packed_layers, "LEAST_PRODUCTS", 0)
    with torch.no_grad():
        yield


@pytest.mark.parametrize("make", CONVOLUTIONS + LINEARS)
def test_packed_layers_compute_what_the_layers_do_at_any_batch_and_layout(make):
    layer = make()
    other = packed(layer)
    for batch in (2, 1, 5, 0):
        x = random(layer, batch)
        y = other(x)
        assert y.shape == layer(x).shape
        if batch:
            assert_close(y, layer(x), 1e-6)
    wide = random(layer, 2, 3)[:, 1]
    assert_close(other(wide), layer(wide), 1e-6)
    last = random(layer, 2).transpose(-1, -2).contiguous().transpose(-1, -2)
    assert_close(other(last), layer(last), 1e-6)


ACTIVATIONS = [
    nn.ReLU(inplace=True), nn.ReLU6(), nn.Hardtanh(-0.3, 0.2), nn.LeakyReLU(0.3), nn.SiLU(), nn.Hardswish(),
    nn.Sigmoid(), nn.Tanh(), nn.GELU(), nn.GELU("tanh"),
]  # fmt: skip


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("make", [CONVOLUTIONS[0], LINEARS[0]])
def test_activations_are_computed_with_the_layer(make, activation):
    layer = make()
    other, x = packed(layer, pointwise_of(activation)), 4 * random(layer, 2)
    assert_close(other(x), activation(layer(x)), 2e-6)
    assert_close(other.double()(x.double()), activation(layer(x.double())))


ADDENDS = {
    "of the same shape": lambda y: torch.randn(y.shape),
    "with channels last": lambda y: torch.randn(y.movedim(1, -1).shape).movedim(-1, 1),
    "of each channel": lambda y: torch.randn(y.shape[1], *(1,) * (y.ndim - 2)),
    "expanded": lambda y: torch.randn(y.shape[:1] + (1,) * (y.ndim - 1)).expand(y.shape),
    "with an axis more": lambda y: torch.randn(2, *y.shape),
    "in float64": lambda y: torch.randn(y.shape, dtype=torch.float64),
    "one number": lambda y: 2.5,
    "whole numbers": lambda y: torch.arange(y.shape[-1]),
}


@pytest.mark.parametrize("activation", [None, nn.ReLU(), nn.Tanh()], ids=str)
@pytest.mark.parametrize("draw", ADDENDS.values(), ids=ADDENDS)
@pytest.mark.parametrize("make", CONVOLUTIONS + LINEARS[:1])
def test_anything_is_added_before_the_activation_and_stays_as_it_was(make, draw, activation):
    layer, then = make(), nn.Identity() if activation is None else activation
    x = random(layer, 2)
    other, fused = draw(layer(x)), packed(layer, pointwise_of(activation) or NOTHING)
    kept = deepcopy(other)
    expected = then(layer(x) + other)
    assert fused(x, other).dtype is expected.dtype
    assert_close(fused(x, other), expected, 1e-6)
    assert_close(fused(x), then(layer(x)), 1e-6)
    assert bool(torch.as_tensor(other == kept).all())
    other = other.double() if isinstance(other, torch.Tensor) else other
    doubled, x = deepcopy(layer).double(), x.double()
    assert_close(deepcopy(fused).double()(x, other), then(doubled(x) + other))


@pytest.mark.parametrize("make", [CONVOLUTIONS[0], LINEARS[0]])
def test_what_is_added_has_its_gradient(make):
    layer = make().requires_grad_(False)
    x = random(layer, 2)
    other = torch.randn(layer(x).shape, requires_grad=True)
    with torch.enable_grad():
        packed(layer, pointwise_of(nn.ReLU()))(x, other).sum().backward()
    assert torch.equal(other.grad, (layer(x) + other > 0).float())


@pytest.mark.parametrize("make", CONVOLUTIONS + LINEARS)
def test_weights_that_change_are_packed_anew(make):
    layer = make()
    other, x = packed(layer), random(layer, 2)
    other(x)
    layer.weight.mul_(3)
    assert_close(other(x), layer(x), 1e-6)
    layer.weight.data = torch.randn_like(layer.weight)
    assert_close(other(x), layer(x), 1e-6)
    other.load_state_dict({name: torch.ones_like(value) for name, value in layer.state_dict().items()})
    assert_close(other(x), layer(x), 1e-6)


@pytest.mark.parametrize("make", CONVOLUTIONS + LINEARS)
def test_copies_doubles_and_gradients_are_right(make):
    layer = make()
    other, x = packed(layer), random(layer, 2)
    other(x)
    copy = deepcopy(other)
    copy.weight.neg_()
    assert_close(other(x), layer(x), 1e-6)
    assert torch.equal(deepcopy(other).double()(x.double()), deepcopy(layer).double()(x.double()))
    with torch.enable_grad():
        for one in (layer, other):
            one(x).square().sum().backward()
    assert layer.weight is other.weight
    assert_close(layer.weight.grad / 2, torch.autograd.grad(*_loss(layer, x))[0], 1e-5)


def _loss(layer, x):
    with torch.enable_grad():
        return layer(x).square().sum(), layer.weight


def test_few_products_are_left_to_torch(monkeypatch):
    monkeypatch.setattr(packed_layers, "LEAST_PRODUCTS", 4 * 3 * 2)
    layer = packed(nn.Linear(3, 2), pointwise_of(nn.ReLU()))
    few, other = torch.randn(3, 3), torch.randn(3, 2)
    assert torch.equal(
        layer(few, other), (nn.functional.linear(few, layer.weight, layer.bias) + other).relu()
    )
    assert id(layer.weight) not in packed_layers._known
    layer(torch.randn(2, 2, 3))
    assert id(layer.weight) in packed_layers._known


def test_packed_copies_die_with_their_weights():
    gc.collect()
    before = len(packed_layers._known)
    layer = packed(nn.Linear(4, 4))
    layer(torch.randn(2, 4))
    assert len(packed_layers._known) == before + 1
    del layer
    gc.collect()
    assert len(packed_layers._known) == before
