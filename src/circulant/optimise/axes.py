"""How many axes the values in a recorded part have, and in which order calls put them."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, final

import torch
from torch import Tensor, fx, nn

from circulant.core.hooks import watching
from circulant.core.tried import tried
from circulant.optimise.example import Example
from circulant.optimise.traceable_parts import Part

Order = tuple[int, ...]  # for each axis of the result, the axis that it was
Ranks = Mapping[fx.Node, int]

PERMUTATIONS: frozenset[Any] = frozenset(
    ("permute", "transpose", "movedim", torch.permute, torch.transpose, torch.movedim)
)


def ranks_in(model: nn.Module, parts: Sequence[Part], example: Example) -> Ranks:
    """Axes of each tensor in the parts' graphs, in a run of the example; nothing of what does not run."""
    given: dict[str, Any] = {}

    def see(name: str, part: nn.Module, operands: Any, result: Any) -> None:
        given[name] = operands

    recorders = {part.name: _Recorder(part.twin) for part in parts}
    with torch.no_grad():
        with watching({part.name: part.module for part in parts}, see):
            tried(lambda: example.run(model))
        for name, operands in given.items():
            tried(partial(recorders[name].run, *operands))  # fails where operands have names
    return {node: rank for each in recorders.values() for node, rank in each.ranks.items()}


def order_of(node: fx.Node, ranks: Ranks) -> Order | None:
    """What a call does to the axes of its first argument; None where it does more than to permute them."""
    is_call = node.op in ("call_function", "call_method") and node.target in PERMUTATIONS
    if not is_call or node.all_input_nodes != list(node.args[:1]) or node.args[0] not in ranks:
        return None
    shape = tuple(range(ranks[node.all_input_nodes[0]]))  # each axis as long as its number
    call: Any = getattr(torch, node.target) if isinstance(node.target, str) else node.target
    return tuple(call(torch.empty(shape, device="meta"), *_dims(node), **node.kwargs).shape)


def permutations_behind(node: fx.Node, ranks: Ranks) -> list[fx.Node]:
    """The calls that permute axes, each of which alone reads the one before."""
    found: list[fx.Node] = []
    while len(node.users) == 1 and order_of(reader := next(iter(node.users)), ranks) is not None:
        found.append(reader)
        node = reader
    return found


def as_before(node: fx.Node, calls: Sequence[fx.Node], ranks: Ranks) -> fx.Node:
    """The node with its axes as they are before these permutations, if they are now as behind them."""
    axes = tuple(range(ranks[node])) if calls else ()
    for call in calls:
        order = order_of(call, ranks) or ()
        axes = tuple(axes[axis] for axis in order)
    if axes == tuple(sorted(axes)):
        return node
    inverse = tuple(axes.index(axis) for axis in range(len(axes)))
    return node.graph.call_method("permute", (node, inverse))


def _dims(node: fx.Node) -> tuple[Any, ...]:
    """permute takes them one by one as a method, in a tuple as a function."""
    rest = node.args[1:]
    is_spread = node.target == "permute" and rest and isinstance(rest[0], int)
    return (rest,) if is_spread else rest


@final
class _Recorder(fx.Interpreter):
    def __init__(self, twin: fx.GraphModule) -> None:
        super().__init__(twin)
        self.ranks: dict[fx.Node, int] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.ranks[n] = value.ndim
        return value
