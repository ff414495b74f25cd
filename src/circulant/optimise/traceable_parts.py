"""The largest parts of a model whose calls torch.fx can record."""

from dataclasses import dataclass
from inspect import Parameter, signature
from typing import final

from torch import fx, nn

from circulant.core.hooks import has_hooks
from circulant.core.tried import Failure, tried
from circulant.optimise.traced import LEAVES, traced

CONTAINERS = (nn.ModuleList, nn.ModuleDict)
SHOWN = 2  # obstacles in a reason


@final
@dataclass(frozen=True, slots=True, eq=False)
class Part:
    name: str  # empty: the whole model
    module: nn.Module
    twin: fx.GraphModule


@final
@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """obstacles: why something larger is not among them, in words."""

    found: tuple[Part, ...]
    obstacles: tuple[str, ...]

    def without(self, what: str) -> str:
        """The reason of a refusal."""
        shown = [f"not looked into: {each}" for each in self.obstacles[:SHOWN]]
        rest = len(self.obstacles) - len(shown)
        return "; ".join([what, *shown, *([f"nor into {rest} more parts"] if rest > 0 else [])])


def traceable_parts(model: nn.Module) -> Parts:
    """Parts that take a fixed number of arguments: of others a record would hold for one call alone."""
    found: list[Part] = []
    obstacles: list[str] = []
    seen: set[nn.Module] = set()
    waiting = [("", model)]
    while waiting:
        name, module = waiting.pop(0)
        if module in seen or _is_layer(module):
            continue
        seen.add(module)
        twin = None if isinstance(module, CONTAINERS) else _twin(module)
        if isinstance(twin, fx.GraphModule):
            found.append(Part(name, module, twin))
            seen.update(module.modules())
            continue
        if twin is not None:
            obstacles.append(f"{name or type(module).__name__} ({twin.reason})")
        waiting += [(f"{name}.{child}" if name else child, part) for child, part in module.named_children()]
    return Parts(tuple(found), tuple(obstacles))


def in_place_of(part: Part) -> fx.GraphModule:
    """The twin's graph, as it was edited, with the plain attributes of the part: others may read them."""
    part.twin.graph.lint()
    edited = fx.GraphModule(part.twin, part.twin.graph, type(part.module).__name__)
    for name, value in vars(part.module).items():
        if not name.startswith("_") and name not in vars(edited):
            setattr(edited, name, value)
    return edited


def _twin(module: nn.Module) -> fx.GraphModule | Failure:
    parameters = signature(type(module).forward).parameters.values()
    fixed = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    if any(each.kind not in fixed or each.default is not each.empty for each in parameters):
        return Failure("its forward has optional arguments")
    if any(has_hooks(part) for part in module.modules()):
        return Failure("it has hooks")
    return tried(lambda: traced(module))


def _is_layer(module: nn.Module) -> bool:
    """Nothing inside is looked at."""
    named = type(module).__module__.startswith("torch.nn") and not isinstance(module, nn.Sequential)
    return isinstance(module, LEAVES) or (named and not isinstance(module, CONTAINERS))
