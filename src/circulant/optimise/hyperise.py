"""Any module, with parameters that are made anew from a few numbers at every call."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.func import functional_call

from circulant.core.errors import ArgumentError
from circulant.models.mip_hyper_network import HIDDEN, MipHyperNetwork


@final
class Hyperised(nn.Module):
    """network(*inputs) with the parameters that `hyper` makes of gamma (d), each number from 0 to 1.

    `aliases` names every parameter made, with the first of its names where several share one tensor.
    """

    def __init__(self, network: nn.Module, hyper: MipHyperNetwork, aliases: dict[str, str]) -> None:
        super().__init__()
        self.network, self.hyper, self.aliases = network, hyper, aliases

    def forward(self, gamma: Tensor, *inputs: Any) -> Any:
        made = self.hyper(gamma)
        named = {alias: made[name] for alias, name in self.aliases.items()}
        return functional_call(self.network, named, inputs, tie_weights=False)

    @torch.no_grad()
    def at(self, gamma: Tensor) -> nn.Module:
        """A plain module with the parameters of that gamma, on its own."""
        plain = deepcopy(self.network)
        made = {name: nn.Parameter(value.clone()) for name, value in self.hyper(gamma).items()}
        for alias, name in self.aliases.items():
            owner, own_name = _owner(plain, alias)
            delattr(owner, own_name)
            owner.register_parameter(own_name, made[name])
        return plain

    def extra_repr(self) -> str:
        return f"made: {', '.join(self.aliases)}"


def hyperise(
    module: nn.Module,
    inputs: int,
    *,
    hidden: Sequence[int] = HIDDEN,
    select: Callable[[str, nn.Parameter], bool] | None = None,
) -> Hyperised:
    """A copy of the module whose parameters come from a MipHyperNetwork of `inputs` numbers.

    It starts near the module: theta_0 are its parameters. select(name, parameter) says which are made;
    None: all. The others stay parameters, buffers stay buffers; print the result to see what is made.
    """
    network = deepcopy(module)
    recurrent = [name for name, part in network.named_modules() if isinstance(part, nn.RNNBase)]
    if recurrent:
        raise ArgumentError(
            f"expected a module without torch's recurrent layers, whose weights cannot be handed in, got "
            f"{', '.join(name or type(module).__name__ for name in recurrent)}; write it with cells instead"
        )
    first: dict[nn.Parameter, str] = {}
    aliases: dict[str, str] = {}
    for name, parameter in network.named_parameters(remove_duplicate=False):
        if parameter in first or select is None or select(name, parameter):
            aliases[name] = first.setdefault(parameter, name)
    if not first:
        raise ArgumentError(
            f"expected a parameter or more to make, select chose none of {type(module).__name__}"
        )
    start = {name: parameter.detach() for parameter, name in first.items()}
    shapes = {name: tuple(value.shape) for name, value in start.items()}
    hyper = MipHyperNetwork(inputs, shapes, hidden).to(next(iter(first)))
    hyper.set_start(start)
    for alias, name in aliases.items():
        owner, own_name = _owner(network, alias)
        delattr(owner, own_name)  # what stands in its place keeps the name alive, and nothing else
        owner.register_buffer(own_name, start[name].new_empty(0), persistent=False)
    return Hyperised(network.train(module.training), hyper, aliases)


def _owner(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The part that holds the parameter of that name, and the last word of the name."""
    path, _, own_name = name.rpartition(".")
    return module.get_submodule(path), own_name
