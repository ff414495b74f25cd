"""Which layers of a network are looked at, what they read and gave, and the network up to one of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.core.hooks import See, watching
from circulant.core.operator import Operator
from circulant.engine.conv_settings import CONVOLUTIONS

Kind = type[nn.Module]
Item = TypeVar("Item")

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
CONVOLVING: tuple[Kind, ...] = (*CONVOLUTIONS, *TRANSPOSED, Operator)
WEIGHTED: tuple[Kind, ...] = (*CONVOLVING, nn.Linear)


@final
@dataclass(frozen=True, slots=True, eq=False)
class LayerCall:
    """The first time that a layer ran: copies of what it read and gave, (B, ...)."""

    name: str
    module: nn.Module
    read: Tensor
    gave: Tensor
    runs: int  # how often it ran in all


def named_layers(network: nn.Module, kinds: tuple[Kind, ...]) -> dict[str, nn.Module]:
    """Modules of these kinds by name; of what lies inside an operator of ours, none."""
    found: dict[str, nn.Module] = {}
    operators: list[str] = []
    for name, module in network.named_modules():
        if any(name.startswith(f"{outer}.") or not outer for outer in operators):
            continue
        if isinstance(module, Operator):
            operators.append(name)
        if isinstance(module, kinds):
            found[name] = module
    return found


def layer_calls(network: nn.Module, x: Tensor, kinds: tuple[Kind, ...]) -> tuple[LayerCall, ...]:
    """Layers of these kinds that read and give one tensor, in the order in which they first run on x."""
    calls: dict[str, LayerCall] = {}

    def keep(name: str, module: nn.Module, read: Any, gave: Any) -> None:
        if name in calls:
            calls[name] = replace(calls[name], runs=calls[name].runs + 1)
        elif isinstance(read, Tensor) and isinstance(gave, Tensor):
            calls[name] = LayerCall(name, module, read.detach().clone(), gave.detach().clone(), 1)

    run_watched(network, x, named_layers(network, kinds), keep)
    return tuple(calls.values())


def run_watched(
    network: nn.Module,
    x: Tensor,
    layers: dict[str, nn.Module],
    see: Callable[[str, nn.Module, Any, Any], None],
) -> Any:
    """The network's output on x, without gradients; see(name, layer, first input, output) on the way."""

    with in_evaluation(network), torch.no_grad(), watching(layers, _of_first(see)):
        return network(x)


def _of_first(see: Callable[[str, nn.Module, Any, Any], None]) -> See:
    return lambda name, layer, inputs, output: see(name, layer, inputs[0] if inputs else None, output)


@final
class _Reached(Exception):
    """No error: the way out of the network."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output


@final
class UpTo(nn.Module):
    """A network up to one of its modules: x -> what that module gives when it runs first."""

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network, self.name = network, name

    def forward(self, x: Tensor) -> Any:
        try:
            with watching({self.name: self.network.get_submodule(self.name)}, _leave):
                self.network(x)
        except _Reached as reached:
            return reached.output
        raise ShapeError(f"expected a layer that runs, got {self.name!r}, which did not; choose another one")


def _leave(name: str, layer: nn.Module, inputs: Any, output: Any) -> None:
    raise _Reached(output)


def spread(items: Sequence[Item], most: int) -> tuple[Item, ...]:
    """So many of them at most, evenly over their order, the first and the last among them."""
    if len(items) <= most:
        return tuple(items)
    return tuple(items[round(place * (len(items) - 1) / (most - 1))] for place in range(most))
