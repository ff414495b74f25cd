"""Modules are replaced wherever they stand, and put back as they were."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.optimise.replaced import replace, replace_named


def network():
    shared = nn.Linear(3, 3)
    return nn.Sequential(shared, nn.ReLU(), nn.Sequential(shared, nn.Linear(3, 3)))


def doubled(name, module):
    return nn.Sequential(nn.Linear(3, 3), nn.Identity()) if isinstance(module, nn.Linear) else None


def test_a_shared_module_is_replaced_once_wherever_it_stands():
    model = network()
    rewrite = replace(model, doubled)
    assert rewrite.module is model
    assert [each.name for each in rewrite.replaced] == ["0", "2.1"]
    assert model[0] is model[2][0] is rewrite.replaced[0].after


def test_undo_puts_the_same_objects_back():
    model = network()
    before, x = list(model.modules()), torch.randn(2, 3)
    expected = model(x)
    rewrite = replace(model, doubled)
    assert rewrite.undo() is model
    assert list(model.modules()) == before
    assert torch.equal(model(x), expected)


def test_the_network_itself_may_be_replaced():
    model = nn.Linear(3, 3)
    rewrite = replace(model, doubled)
    assert isinstance(rewrite.module, nn.Sequential)
    assert rewrite.undo() is model


def test_what_lies_inside_a_replaced_module_is_left_alone():
    model, asked = network(), []

    def substitute(name, module):
        asked.append(name)
        return nn.Identity() if name == "2" else None

    rewrite = replace(model, substitute)
    assert asked == ["", "0", "1", "2"]
    assert [each.name for each in rewrite.replaced] == ["2"]


def test_the_substitute_takes_over_whether_it_trains():
    model = network().eval()
    replace(model, doubled)
    assert not any(module.training for module in model.modules())


def test_hooks_are_refused_before_anything_changes():
    model = network()
    model[2][1].register_forward_hook(lambda *_: None)
    before = list(model.modules())
    with pytest.raises(ArgumentError, match=r"without hooks, got some on '2\.1'"):
        replace(model, doubled)
    assert list(model.modules()) == before


def test_modules_are_replaced_by_name():
    model = network()
    rewrite = replace_named(model, {"2.0": lambda module: nn.Identity()})
    assert isinstance(model[0], nn.Identity)  # shared with 2.0
    assert str(rewrite).startswith("replaced 1 modules\n  0: Linear")
    with pytest.raises(ArgumentError, match=r"names of modules in the network, got 7"):
        replace_named(model, {"7": lambda module: nn.Identity()})
