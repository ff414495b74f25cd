import pytest
import torch
from torch import Tensor, nn

from circulant.core.hooks import has_hooks, watching


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU())


def test_layers_are_seen_in_the_order_of_their_calls() -> None:
    heard: list[str] = []
    layers = dict(network().named_children())
    with watching(
        layers,
        lambda name, *rest: heard.append(f"after {name}"),
        lambda name, *rest: heard.append(f"before {name}"),
    ):
        layers["1"](layers["0"](torch.ones(1, 2)))
    assert heard == ["before 0", "after 0", "before 1", "after 1"]


def test_see_gets_the_layer_its_inputs_and_its_output() -> None:
    layer, x = nn.Linear(2, 3), torch.ones(1, 2)
    calls = []
    with watching({"it": layer}, lambda *call: calls.append(call)):
        y = layer(x)
    ((name, seen, inputs, output),) = calls
    assert name == "it" and seen is layer and inputs[0] is x and output is y


def test_what_see_returns_takes_the_place_of_the_output() -> None:
    def doubled(name: str, layer: nn.Module, inputs: object, output: Tensor) -> Tensor:
        return 2 * output

    layer, x = nn.Linear(2, 3), torch.ones(1, 2)
    with watching({"it": layer}, doubled):
        assert torch.equal(layer(x), 2 * layer.forward(x))


def test_what_begin_returns_does_not_take_the_place_of_the_inputs() -> None:
    layer, x = nn.ReLU(), torch.ones(1, 2)
    with watching({"it": layer}, lambda *call: None, lambda *call: torch.zeros(1, 2)):
        assert torch.equal(layer(x), x)


def test_hooks_are_gone_afterwards_and_after_an_error() -> None:
    layer = nn.ReLU()
    with pytest.raises(ZeroDivisionError), watching({"it": layer}, lambda *call: None, lambda *call: None):
        assert has_hooks(layer)
        _ = 1 / 0
    assert not has_hooks(layer)


def test_hooks_of_layers_inside_are_not_its_own() -> None:
    outer = network()
    outer[0].register_full_backward_hook(lambda *call: None)
    assert has_hooks(outer[0]) and not has_hooks(outer)
