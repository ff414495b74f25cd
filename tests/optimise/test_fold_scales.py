"""Factors of channels become part of the layer before them where that is the same function."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.models.conv_next import conv_next_block
from circulant.optimise.example import example_of
from circulant.optimise.fold_scales import fold_scales
from circulant.optimise.rewrite_pass import Refused

C = 4


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


class Scaled(nn.Module):
    """A convolution, a linear layer, and what is computed with them and factors."""

    def __init__(self, compute):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.linear = nn.Conv2d(C, C, 1), nn.Linear(C, C, bias=False)
        self.scale, self.one = nn.Parameter(torch.randn(C)), nn.Parameter(torch.randn(()))
        self.register_buffer("whole", torch.arange(C))
        self.idle = nn.Identity()
        self.compute = compute

    def forward(self, x):
        return self.compute(self, x)


def read_twice(net, x):
    y = net.conv(x)
    return y * net.scale[:, None, None] + y


FOLDED = {
    "of a convolution": lambda net, x: net.conv(x) * net.scale[:, None, None],
    "first": lambda net, x: net.scale.reshape(1, -1, 1, 1) * net.conv(x),
    "by a method": lambda net, x: net.conv(x).mul(net.scale.view(-1, 1, 1)),
    "by torch.mul": lambda net, x: torch.mul(net.conv(x), net.scale.unsqueeze(-1).unsqueeze(-1)),
    "one for all": lambda net, x: net.conv(x) * net.one,
    "behind what is idle": lambda net, x: net.idle(net.conv(x)) * net.scale[:, None, None],
    "of a linear layer": lambda net, x: net.linear(x) * net.scale,
    "permuted": lambda net, x: net.linear(x.movedim(1, -1)).movedim(-1, 1) * net.scale[:, None, None],
    "permuted by dimensions": lambda net, x: (
        net.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) * net.scale[None, :, None, None]
    ),
    "transposed": lambda net, x: torch.transpose(net.conv(x), 1, 3) * net.scale,
    "permuted twice": lambda net, x: torch.permute(net.conv(x).movedim(1, 2), (0, 3, 2, 1)).mul(
        net.scale[:, None]
    ),
}
KEPT = {
    "of another axis": lambda net, x: net.conv(x) * net.scale,
    "of rows": lambda net, x: net.linear(x) * net.scale[:, None],
    "of another axis, permuted": lambda net, x: net.conv(x).movedim(1, -1) * net.scale[:, None],
    "of every axis": lambda net, x: net.conv(x) * net.scale[:, None] * net.scale,
    "with more axes": lambda net, x: net.conv(x) * net.scale.reshape(1, 1, C, 1, 1),
    "read twice": read_twice,
    "called twice": lambda net, x: net.conv(net.conv(x)) * net.scale[:, None, None],
    "of the input": lambda net, x: net.conv(x) * x,
    "of whole numbers": lambda net, x: net.conv(x) * net.whole[:, None, None],
    "of a sum": lambda net, x: (net.conv(x) + x) * net.scale[:, None, None],
    "in place": lambda net, x: net.conv(x).mul_(net.scale[:, None, None]),
}


@pytest.mark.parametrize("compute", FOLDED.values(), ids=FOLDED)
def test_a_factor_of_each_channel_is_folded(compute):
    model, x = Scaled(compute).eval(), torch.randn(3, C, C, C)
    changed = fold_scales(deepcopy(model), example_of(x))
    assert changed.words == "folded 1 factors"
    assert not any("mul" in str(node.target) for node in changed.model.graph.nodes)
    for y in (x, x[:1], x[:, :, :, ::2]) if "linear" not in compute.__code__.co_names else (x, x[:1]):
        assert_close(changed.model(y), model(y), 1e-6)
    model, x = model.double(), x.double()
    assert_close(fold_scales(deepcopy(model), example_of(x)).model(x), model(x), 1e-15)


@pytest.mark.parametrize("compute", KEPT.values(), ids=KEPT)
def test_what_is_no_factor_of_each_channel_stays(compute):
    model = Scaled(compute).eval()
    found = fold_scales(model, example_of(torch.randn(3, C, C, C)))
    assert isinstance(found, Refused)
    assert "no factor of channels" in found.reason


def test_the_factor_of_a_residual_branch_is_folded_into_its_last_layer():
    block, x = conv_next_block(C, 3, scale=0.5).eval(), torch.randn(2, C, 6, 5)
    changed = fold_scales(deepcopy(block), example_of(x))
    assert_close(changed.model(x), block(x), 1e-6)
    last, before = (
        {**dict(each.named_parameters())}["branch.2.project.weight"] for each in (changed.model, block)
    )
    assert torch.equal(last, 0.5 * before)


def test_the_model_is_left_alone_where_it_is_trained_on():
    assert "trained" in fold_scales(Scaled(FOLDED["one for all"]), example_of(torch.randn(1, C, 3, 3))).reason


def test_a_layer_that_the_example_does_not_reach_stays():
    class Unreached(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Scaled(FOLDED["of a convolution"])

        def forward(self, x):
            return self.inner(x) if x.sum() > 0 else x

    assert isinstance(fold_scales(Unreached().eval(), example_of(-torch.ones(1, C, 3, 3))), Refused)
    assert fold_scales(Unreached().eval(), example_of(torch.ones(1, C, 3, 3))).words == "folded 1 factors"
