"""Layers with packed weights compute what torch's do, notice when a weight changes, and can be saved."""

import gc
from copy import deepcopy

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.optimise import packed_layers
from circulant.optimise.archive import load, save
from circulant.optimise.exact_passes import pack_weights
from circulant.optimise.example import example_of
from circulant.optimise.packed_layers import PackedConv2d, PackedLinear, packed
from circulant.optimise.rewrite_pass import Refused

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
def no_gradients():
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
    other, x = packed(layer, activation), 4 * random(layer, 2)
    assert_close(other(x), activation(layer(x)), 2e-6)
    assert_close(other.double()(x.double()), activation(layer(x.double())))


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


def test_packed_copies_die_with_their_weights():
    gc.collect()
    before = len(packed_layers._known)
    layer = packed(nn.Linear(4, 4))
    layer(torch.randn(2, 4))
    assert len(packed_layers._known) == before + 1
    del layer
    gc.collect()
    assert len(packed_layers._known) == before


def network():
    body = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.Flatten()]
    return nn.Sequential(*body, nn.Linear(8 * 36, 5)).eval()


def test_a_model_is_packed_and_comes_back_from_a_file_packed(tmp_path):
    model, x = network(), torch.randn(2, 3, 12, 12)
    example = example_of(x)
    changed = pack_weights(deepcopy(model), example)
    assert changed.words == "packed the weights of 3 layers, 1 with activations"
    assert [type(changed.model[place]) for place in (0, 2, 4)] == [PackedConv2d, PackedConv2d, PackedLinear]
    assert save(changed.model, example, tmp_path / "made", "").reason == ""
    loaded = load(tmp_path / "made")
    gc.collect()
    known = len(packed_layers._known)
    other = torch.randn(5, 3, 12, 12)
    for _ in range(2):
        assert_close(loaded(other), model(other), 1e-6)
    assert len(packed_layers._known) == known + 3


def test_an_activation_that_something_else_shares_or_skips_stays():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.act = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()

        def forward(self, x):
            y = self.first(x)
            return self.act(y) + y + self.act(self.second(x))

    model, x = Block().eval(), torch.randn(3, 4)
    changed = pack_weights(deepcopy(model), example_of(x))
    assert changed.words == "packed the weights of 2 layers, 0 with activations"
    assert_close(changed.model(x), model(x), 1e-6)


def test_what_is_trained_on_or_has_nothing_to_pack_is_refused():
    example = example_of(torch.randn(2, 3, 12, 12))
    assert "to be trained on" in pack_weights(network().train(), example).reason
    circular = nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular")
    lopsided = nn.Conv2d(3, 4, 4, padding="same")
    for layer in (circular, lopsided, nn.Linear(3, 4).double(), nn.Conv1d(3, 4, 3)):
        assert isinstance(pack_weights(nn.Sequential(layer).eval(), example), Refused)
