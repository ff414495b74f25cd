"""The pass that packs weights fuses sums and activations where that keeps the function, and saves that."""

import gc
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.models.uni_rep_lk_net import UniRepLKNetBlock
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.optimise import packed_layers
from circulant.optimise.archive import load, save
from circulant.optimise.example import example_of
from circulant.optimise.pack_weights import pack_weights
from circulant.optimise.packed_layers import PackedConv2d, PackedLinear
from circulant.optimise.rewrite_pass import Refused


@pytest.fixture(autouse=True)
def onednn(monkeypatch):
    """Linear layers go there however small, and nobody asks for gradients."""
    monkeypatch.setattr(packed_layers, "LEAST_PRODUCTS", 0)
    with torch.no_grad():
        yield


class Two(nn.Module):
    """Two convolutions, and what is computed with them."""

    def __init__(self, compute):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.act, self.pool = nn.ReLU(inplace=True), nn.AvgPool2d(3, 1, 1)
        self.idle, self.drop = nn.Identity(), nn.Dropout(0.5)
        self.compute = compute

    def forward(self, x):
        return self.compute(self, x)


def added_in_place(net, x):
    y = net.first(x)
    y += x
    return y.relu_()


def read_before_it_is_written(net, x):
    """The convolution must not move behind what overwrites its input."""
    y = net.first(x * 2)
    z = x * 3
    w = net.second(z)
    z.relu_()
    return y + z * w


def written_addend(net, x):
    z = x * 3
    y = net.first(x)
    z.relu_()
    return y + z


def overwritten_input(net, x):
    z = x * 3
    y = net.first(z)
    return y + net.act(z)


def overwritten_other(net, x):
    z = x * 3
    w = z * 2
    z.add_(net.first(x))
    return w * z * net.second(x)


def read_twice(net, x):
    y = net.first(x)
    return y.relu() + y


def sum_read_twice(net, x):
    y = net.first(x) + x
    return y.relu() * y


CASES = {  # words: activations and sums
    "a residual": (lambda net, x: net.act(net.first(x) + x), 1, 1),
    "turned around": (lambda net, x: F.gelu(x + net.first(x)), 1, 1),
    "behind what is idle": (lambda net, x: net.act(net.drop(net.idle(net.first(x))) + x), 1, 1),
    "of two convolutions": (lambda net, x: (net.first(x) + net.second(x)).relu(), 1, 1),
    "of two that are read": (lambda net, x: net.first(x) + net.second(x).relu(), 1, 1),
    "of what comes later": (lambda net, x: net.first(x) + net.pool(x), 0, 1),
    "of an activation": (lambda net, x: net.first(x).relu() + x, 1, 0),
    "of one channel": (lambda net, x: net.first(x) + net.second(x.mean((2, 3), keepdim=True)), 0, 1),
    "of every channel": (lambda net, x: net.second(x.mean((2, 3), keepdim=True)) + x, 0, 1),
    "with itself": (lambda net, x: (lambda y: y + y)(net.first(x)), 0, 0),
    "with a number": (lambda net, x: net.first(x) + 1.5, 0, 0),
    "with a size": (lambda net, x: net.first(x) + x.size(1), 0, 1),
    "times alpha": (lambda net, x: torch.add(net.first(x), x, alpha=2), 0, 0),
    "in place": (added_in_place, 1, 1),
    "in place, by a method": (lambda net, x: net.first(x).add_(x).relu_(), 1, 1),
    "read before it is written": (read_before_it_is_written, 0, 0),
    "of what is written later": (written_addend, 0, 0),
    "of its own input, overwritten": (overwritten_input, 0, 0),
    "into something else": (overwritten_other, 0, 0),
    "a convolution read twice": (read_twice, 0, 0),
    "read twice": (sum_read_twice, 0, 1),
    "called twice": (lambda net, x: net.first(net.first(x).relu()) + x, 0, 0),
    "methods": (lambda net, x: net.first(x).tanh().add(net.second(x).sigmoid()), 2, 0),
    "a torch.add": (lambda net, x: torch.relu(torch.add(x, net.first(x))), 1, 1),
    "of another order": (lambda net, x: net.first(x).movedim(1, -1) + x.movedim(1, -1), 0, 1),
    "of another order, then ReLU": (
        lambda net, x: F.relu(x.permute(0, 3, 2, 1) + net.first(x).permute(0, 3, 2, 1)),
        1,
        1,
    ),
    "there and back": (
        lambda net, x: net.first(x).movedim(1, -1).transpose(1, 3).transpose(3, 1).movedim(-1, 1) + x,
        0,
        1,
    ),
    "there and around": (
        lambda net, x: net.first(x).movedim(1, -1).transpose(1, 2) + x.movedim(1, 3).transpose(1, 2),
        0,
        1,
    ),
    "of fewer axes": (lambda net, x: net.first(x).movedim(1, -1) + x.mean((0, 2, 3)), 0, 0),
    "of an activation in another order": (lambda net, x: net.first(x).movedim(1, -1).relu() + 1, 1, 0),
}


@pytest.mark.parametrize(("compute", "activations", "sums"), CASES.values(), ids=CASES)
def test_a_sum_is_fused_where_nothing_else_reads_or_writes_between(compute, activations, sums):
    model, x = Two(compute).eval(), torch.randn(2, 4, 6, 5)
    changed = pack_weights(deepcopy(model), example_of(x))
    assert f"fused {activations} activations and {sums} sums" in changed.words
    for y in (x, x.contiguous(memory_format=torch.channels_last), x[:1, :, :, :1]):
        assert_close(changed.model(y.clone()), model(y.clone()), 1e-6)
    assert_close(changed.model.double()(x.double()), model.double()(x.double()))


@pytest.mark.parametrize("compute", [case[0] for case in CASES.values()], ids=CASES)
def test_what_is_fused_comes_back_from_a_file(compute, tmp_path):
    model, x = Two(compute).eval(), torch.randn(2, 4, 6, 5)
    changed = pack_weights(deepcopy(model), example_of(x))
    assert save(changed.model, example_of(x), tmp_path, "").reason == ""
    other = torch.randn(5, 4, 6, 5)
    assert_close(load(tmp_path)(other.clone()), model(other.clone()), 1e-6)


KNOWN = {
    "F.relu": F.relu,
    "F.relu in place": lambda y: F.relu(y, inplace=True),
    "torch.relu_": torch.relu_,
    "F.relu6": F.relu6,
    "F.hardtanh": F.hardtanh,
    "F.hardtanh of whole numbers": lambda y: F.hardtanh(y, 0, max_val=2),
    "F.leaky_relu": lambda y: F.leaky_relu(y, 0.2),
    "F.silu": F.silu,
    "F.hardswish": F.hardswish,
    "F.gelu": F.gelu,
    "F.gelu by tanh": lambda y: F.gelu(y, approximate="tanh"),
    "F.sigmoid": F.sigmoid,
    "torch.sigmoid": torch.sigmoid,
    "torch.tanh": torch.tanh,
    "relu": lambda y: y.relu(),
    "tanh_": lambda y: y.tanh_(),
}
UNKNOWN = {
    "a slope that is computed": lambda y: F.leaky_relu(y, y.shape[1] / 10),
    "softplus": F.softplus,
    "a keyword": lambda y: torch.relu(input=y),
}


class Activated(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.linear, self.activation = nn.Linear(4, 5), activation

    def forward(self, x):
        return self.activation(4 * self.linear(x)) + self.activation(self.linear(2 * x))


class Single(Activated):
    def forward(self, x):
        return self.activation(self.linear(x))


@pytest.mark.parametrize("name", [*KNOWN, *UNKNOWN])
def test_functions_and_methods_are_fused_with_arguments_that_onednn_knows(name):
    model, x = Single({**KNOWN, **UNKNOWN}[name]).eval(), 5 * torch.randn(3, 4)
    changed = pack_weights(deepcopy(model), example_of(x))
    assert f"fused {int(name in KNOWN)} activations" in changed.words
    assert_close(changed.model(x), model(x), 2e-6)
    assert_close(changed.model.double()(x.double()), model.double()(x.double()))


def test_a_layer_that_is_called_twice_is_packed_alone():
    model, x = Activated(F.relu).eval(), torch.randn(3, 4)
    changed = pack_weights(deepcopy(model), example_of(x))
    assert changed.words == "packed the weights of 1 layers, fused 0 activations and 0 sums with them"
    assert_close(changed.model(x), model(x), 1e-6)


class Undecided(nn.Module):
    """torch.fx cannot record it, but its parts, one of which stands in two places."""

    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU())
        self.same = self.block[0]
        self.alone = nn.Conv2d(4, 4, 3)

    def forward(self, x):
        return self.block(x) + self.same(x) if x.sum() > 0 else self.alone(x)


def test_what_cannot_be_recorded_is_packed_layer_by_layer_and_its_parts_are_fused():
    model, x = Undecided().eval(), torch.randn(2, 4, 6, 6)
    changed = pack_weights(deepcopy(model), example_of(x))
    assert "fused 1 activations" in changed.words
    assert type(changed.model.alone) is PackedConv2d
    for y in (x.abs(), -x.abs()):
        assert_close(changed.model(y), model(y), 1e-6)


@pytest.mark.parametrize(("is_torchs", "layers"), [(True, 5), (False, 4)])
def test_parts_with_operators_of_ours_are_recorded_and_fused(is_torchs, layers, monkeypatch):
    """The depthwise convolution is packed where the engine leaves it to torch."""
    monkeypatch.setattr(DepthwiseConv2d, "is_torchs", lambda layer, x: is_torchs)
    block, x = UniRepLKNetBlock(4, 3).eval(), torch.randn(2, 4, 6, 6)
    block.reparameterize()
    changed = pack_weights(deepcopy(block), example_of(x))
    assert changed.words == f"packed the weights of {layers} layers, fused 1 activations and 1 sums with them"
    assert any(isinstance(layer, DepthwiseConv2d) for layer in changed.model.modules()) is not is_torchs
    for y in (x, x.contiguous(memory_format=torch.channels_last), x[..., ::2]):
        assert_close(changed.model(y), block(y), 1e-6)


def test_planned_layers_that_cannot_be_packed_stay(monkeypatch):
    monkeypatch.setattr(DepthwiseConv2d, "is_torchs", lambda layer, x: True)
    model = nn.Sequential(DepthwiseConv2d(4, (3, 3)), nn.ReLU()).double().eval()
    refused = pack_weights(model, example_of(torch.randn(2, 4, 6, 6, dtype=torch.float64)))
    assert isinstance(refused, Refused) and type(model[0]) is DepthwiseConv2d


def test_attributes_that_others_read_and_parameters_stay():
    model = Two(CASES["a residual"][0]).eval()
    model.stride = 8
    fused = pack_weights(model, example_of(torch.randn(2, 4, 6, 5))).model
    assert (fused.stride, fused.training, type(fused).__name__) == (8, False, "Two")
    assert fused.first.weight is model.first.weight


def test_fused_weights_that_change_are_packed_anew_and_copies_have_their_own():
    model, x = Two(CASES["of two convolutions"][0]).eval(), torch.randn(2, 4, 6, 5)
    fused = pack_weights(deepcopy(model), example_of(x)).model
    fused(x)
    copy, before = deepcopy(fused), fused(x)
    for each in (copy, model):
        each.first.weight.mul_(3)
        each.second.weight.data = -each.second.weight
    assert_close(copy(x), model(x), 1e-6)
    assert torch.equal(fused(x), before)


def test_gradients_of_a_fused_model_are_those_of_the_model():
    model, x = Two(CASES["of two convolutions"][0]).eval(), torch.randn(2, 4, 6, 5)
    fused = pack_weights(deepcopy(model), example_of(x)).model
    gradients = []
    with torch.enable_grad():
        for each in (model, fused):
            leaf = x.clone().requires_grad_()
            gradients.append(torch.autograd.grad(each(leaf).square().sum(), [leaf, each.first.weight]))
    for one, other in zip(*gradients, strict=True):
        assert_close(other, one, 1e-6)


def network():
    body = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.Flatten()]
    return nn.Sequential(*body, nn.Linear(8 * 36, 5)).eval()


def test_a_model_is_packed_and_comes_back_from_a_file_packed(tmp_path):
    model, x = network(), torch.randn(2, 3, 12, 12)
    example = example_of(x)
    changed = pack_weights(deepcopy(model), example)
    assert changed.words == "packed the weights of 3 layers, fused 1 activations and 0 sums with them"
    kinds = [type(layer) for layer in changed.model.children()]
    assert kinds == [PackedConv2d, PackedConv2d, nn.Flatten, PackedLinear]
    assert save(changed.model, example, tmp_path / "made", "").reason == ""
    loaded = load(tmp_path / "made")
    gc.collect()
    known = len(packed_layers._known)
    other = torch.randn(5, 3, 12, 12)
    for _ in range(2):
        assert_close(loaded(other), model(other), 1e-6)
    assert len(packed_layers._known) == known + 3


def test_what_is_trained_on_or_has_nothing_to_pack_is_refused():
    example = example_of(torch.randn(2, 3, 12, 12))
    assert "to be trained on" in pack_weights(network().train(), example).reason
    packed = pack_weights(network(), example).model
    circular = nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular")
    lopsided = nn.Conv2d(3, 4, 4, padding="same")
    for layer in (circular, lopsided, nn.Linear(3, 4).double(), nn.Conv1d(3, 4, 3), packed):
        assert isinstance(pack_weights(nn.Sequential(layer).eval(), example), Refused)
