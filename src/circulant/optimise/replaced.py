"""Modules of a network replaced wherever they stand, with the way back: the one shape of rewrites."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.hooks import has_hooks


@final
@dataclass(frozen=True, slots=True)
class Replaced:
    """One module, by its first name in the network: what stood there, and what stands there now."""

    name: str
    before: nn.Module
    after: nn.Module

    def __str__(self) -> str:
        return f"{self.name or '(itself)'}: {self.before} -> {self.after}"


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where a child hangs."""

    parent: nn.Module
    child: str


@final
@dataclass(frozen=True, slots=True)
class Rewrite:
    """The network, changed in place unless it is itself a module that was replaced, and what changed in it.

    Print it to read what was replaced.
    """

    module: nn.Module
    replaced: tuple[Replaced, ...]
    original: nn.Module
    places: tuple[tuple[Place, nn.Module], ...]  # with what stood there

    def undo(self) -> nn.Module:
        """Put every module back; of several rewrites the last is undone first."""
        for place, before in self.places:
            place.parent._modules[place.child] = before
        return self.original

    def __str__(self) -> str:
        title = f"replaced {len(self.replaced)} modules"
        return "\n".join([title, *(f"  {each}" for each in self.replaced)])


def replace(network: nn.Module, substitute: Callable[[str, nn.Module], nn.Module | None]) -> Rewrite:
    """Ask substitute(name, module) for each module, outer ones first; None keeps it and goes inside.

    A shared module is asked for once, by its first name, and replaced wherever it stands. Its substitute
    takes over whether it trains. Nothing is changed where substitute raises, or where a module that it
    replaces has hooks: they would be lost.
    """
    substitutes: dict[nn.Module, nn.Module] = {}
    replaced: list[Replaced] = []
    inside: set[nn.Module] = set()  # of what is replaced
    for name, module in list(network.named_modules()):
        if module in inside or (after := substitute(name, module)) is None:
            continue
        _require_no_hooks(name, module)
        inside.update(module.modules())
        substitutes[module] = after.train(module.training)
        replaced.append(Replaced(name, module, after))
    places = tuple(
        (Place(parent, name), child)
        for parent in network.modules()
        for name, child in parent._modules.items()
        if child in substitutes
    )
    for place, before in places:
        place.parent._modules[place.child] = substitutes[before]
    return Rewrite(substitutes.get(network, network), tuple(replaced), network, places)


def replace_named(network: nn.Module, substitutes: dict[str, Callable[[nn.Module], nn.Module]]) -> Rewrite:
    """Replace the modules of these names alone; raise where the network has no module of a name."""
    modules = dict(network.named_modules(remove_duplicate=False))
    missing = sorted(substitutes.keys() - modules.keys())
    if missing:
        raise ArgumentError(f"expected names of modules in the network, got {', '.join(missing)}")
    wanted = {modules[name]: build for name, build in substitutes.items()}
    return replace(network, lambda name, module: wanted[module](module) if module in wanted else None)


def _require_no_hooks(name: str, module: nn.Module) -> None:
    if has_hooks(module):
        raise ArgumentError(f"expected modules without hooks, got some on {name!r}; remove them first")
