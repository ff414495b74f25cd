"""Calls that change nothing, and calls whose result nobody reads, taken out of a model."""

import operator
from collections import Counter
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from circulant.optimise.example import Example
from circulant.optimise.replaced import replace
from circulant.optimise.rewrite_pass import Changed, Refused
from circulant.optimise.traceable_parts import in_place_of, traceable_parts
from circulant.optimise.traced import called

DROPOUTS = (
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout,
)  # fmt: skip
DROPOUT_FUNCTIONS: tuple[Any, ...] = (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout)
PURE_FUNCTIONS: frozenset[Any] = frozenset(
    (
        getattr, operator.getitem, operator.eq, operator.add, operator.sub, operator.mul, operator.truediv,
        operator.floordiv, operator.neg, operator.matmul, operator.pow, torch.add, torch.sub,
        torch.mul, torch.div, torch.matmul, torch.permute, torch.transpose, torch.movedim,
        torch.cat, torch.stack, torch.flatten, torch.mean, torch.sum, torch.exp, torch.sqrt, torch.softmax,
        torch.relu, torch.sigmoid, torch.tanh, F.relu, F.gelu, F.silu, F.softmax, F.interpolate, F.pad,
        F.linear, F.avg_pool2d, F.max_pool2d, F.adaptive_avg_pool2d,
    )
)  # fmt: skip
PURE_METHODS = frozenset(
    (
        "size", "dim", "view", "reshape", "flatten", "mean", "sum", "permute", "transpose", "movedim",
        "unsqueeze", "relu", "sigmoid", "tanh",
    )
)  # fmt: skip


def remove_dead(model: nn.Module, example: Example) -> Changed | Refused:
    """Identities, dropout in evaluation, and dead branches, in all parts that torch.fx can trace."""
    parts = traceable_parts(model)
    counts: Counter[str] = Counter()
    substitutes: dict[nn.Module, nn.Module] = {}
    for part in parts.found:
        found = clean(part.twin)
        if found:
            substitutes[part.module] = in_place_of(part)
            counts += found
    if not counts:
        return Refused(parts.without("no identity, idle dropout or dead branch"))
    words = ", ".join(f"{count} {what}" for what, count in counts.items())
    return Changed(replace(model, lambda _, module: substitutes.get(module)).module, f"removed {words}")


def clean(twin: fx.GraphModule) -> Counter[str]:
    """Takes identities, idle dropout and unread calls out of the graph; how many of each kind."""
    counts: Counter[str] = Counter()
    for node in list(twin.graph.nodes):
        kind = _idle(node, called(twin, node))
        if kind and node.all_input_nodes:
            node.replace_all_uses_with(node.all_input_nodes[0])
            twin.graph.erase_node(node)
            counts[kind] += 1
    counts["calls that nobody reads"] += erase_unread(twin)
    return +counts


def erase_unread(twin: fx.GraphModule) -> int:
    """Takes out of the graph what has no effect; how many calls these were."""
    count = 0
    for node in reversed(list(twin.graph.nodes)):
        if not node.users and is_pure(node, called(twin, node)):
            twin.graph.erase_node(node)
            count += node.op != "get_attr"
    return count


def _idle(node: fx.Node, layer: nn.Module | None) -> str:
    """What hands on its input as it is."""
    if type(layer) is nn.Identity:
        return "identities"
    if type(layer) in DROPOUTS:
        dropout: Any = layer
        return "" if dropout.training and dropout.p > 0 else "idle dropouts"
    if node.op == "call_function" and node.target in DROPOUT_FUNCTIONS:
        trains = node.kwargs.get("training", node.args[2] if len(node.args) > 2 else True)
        return "idle dropouts" if trains is False else ""
    return ""


def is_pure(node: fx.Node, layer: nn.Module | None) -> bool:
    """Whether a call has no effect but its result; only what is known can be."""
    if node.op == "get_attr":
        return True
    if layer is not None:
        known = type(layer).__module__.startswith("torch.nn") and not getattr(layer, "inplace", False)
        return known and not layer.training
    if any(value is True for value in (*node.args, *node.kwargs.values())) or "out" in node.kwargs:
        return False  # perhaps in place
    return node.target in (PURE_METHODS if node.op == "call_method" else PURE_FUNCTIONS)
