"""Factors of the channels behind convolutions and linear layers, made part of their weights.

    s (W x + b) = (s W) x + s b

Residual branches end in one where they start small (LayerScale). Between the layer and the factor axes may be
permuted, as they are between linear layers and pictures.
"""

import operator
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, fx, nn

from circulant.optimise.axes import Ranks, order_of, ranks_in
from circulant.optimise.example import Example
from circulant.optimise.remove_dead import clean, erase_unread
from circulant.optimise.replaced import replace
from circulant.optimise.rewrite_pass import Changed, Refused
from circulant.optimise.traceable_parts import in_place_of, traceable_parts
from circulant.optimise.traced import called, put
from circulant.optimise.tune_mode_conv_bn import scaled_weight

PRODUCTS: tuple[Any, ...] = (operator.mul, torch.mul, "mul")
SHAPES = ("reshape", "view", "unsqueeze")
SPATIAL: dict[type[nn.Module], int] = {nn.Linear: 0, nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}


def fold_scales(model: nn.Module, example: Example) -> Changed | Refused:
    """Of layers whose result nobody else reads."""
    if model.training:
        return Refused("factors are folded for inference, and this model is to be trained on")
    parts = traceable_parts(model)
    for part in parts.found:
        clean(part.twin)
    ranks = ranks_in(model, parts.found, example)
    substitutes: dict[nn.Module, nn.Module] = {}
    count = 0
    for part in parts.found:
        folded = sum(_fold(part.twin, node, ranks) for node in list(part.twin.graph.nodes))
        if folded:
            erase_unread(part.twin)
            substitutes[part.module] = in_place_of(part)
            count += folded
    if count == 0:
        return Refused(parts.without("no factor of channels behind a convolution or linear layer"))
    return Changed(
        replace(model, lambda _, module: substitutes.get(module)).module, f"folded {count} factors"
    )


def _fold(twin: fx.GraphModule, node: fx.Node, ranks: Ranks) -> bool:
    """Puts the layer, scaled, in the place of the product, if it is one of a layer and a constant."""
    for y, factor in _products(twin, node):
        found = _layer_behind(twin, y, ranks)
        if found is None or node not in ranks or ranks[node] != ranks[y]:
            continue
        call, axis = found
        layer: Any = called(twin, call)
        scale = _of_channels(factor, axis - ranks[y], len(layer.weight))
        if scale is None or scale.dtype != layer.weight.dtype or scale.device != layer.weight.device:
            continue
        put(twin, call, _scaled(layer, scale))
        node.replace_all_uses_with(y)
        twin.graph.erase_node(node)
        return True
    return False


def _products(twin: fx.GraphModule, node: fx.Node) -> Iterator[tuple[fx.Node, Tensor]]:
    is_call = node.op in ("call_function", "call_method") and node.target in PRODUCTS
    if not is_call or len(node.args) != 2 or node.kwargs:
        return
    for y, other in (node.args, node.args[::-1]):
        factor = _constant(twin, other)
        if isinstance(y, fx.Node) and factor is not None:
            yield y, factor


def _constant(twin: fx.GraphModule, value: Any) -> Tensor | None:
    """A parameter or buffer, in another shape perhaps."""
    if not isinstance(value, fx.Node):
        return None
    if value.op == "get_attr":
        found = operator.attrgetter(str(value.target))(twin)
        return found if isinstance(found, Tensor) else None
    is_shape = value.op == "call_method" and value.target in SHAPES and not value.kwargs
    is_index = value.op == "call_function" and value.target is operator.getitem
    if not (is_shape or is_index) or len(value.all_input_nodes) != 1:
        return None
    inner = _constant(twin, value.args[0])
    if inner is None:
        return None
    call: Any = getattr(torch.Tensor, str(value.target)) if is_shape else operator.getitem
    changed: Tensor = call(inner, *value.args[1:])
    return changed


def _layer_behind(twin: fx.GraphModule, node: fx.Node, ranks: Ranks) -> tuple[fx.Node, int] | None:
    """The call of a layer that the node's reader alone reads, and where in the node its channels are."""
    orders = []
    while len(node.users) == 1 and (order := order_of(node, ranks)) is not None:
        orders.append(order)
        node = node.all_input_nodes[0]
    layer = called(twin, node)
    spatial = SPATIAL.get(type(layer))  # type: ignore[arg-type]  # of other calls there is none
    if len(node.users) != 1 or spatial is None or node not in ranks:
        return None
    calls = Counter(called(twin, each) for each in twin.graph.nodes)
    if calls[layer] != 1:
        return None
    axis = ranks[node] - 1 - spatial
    for order in reversed(orders):
        axis = order.index(axis)
    return node, axis


def _of_channels(factor: Tensor, axis: int, channels: int) -> Tensor | None:
    """One value for each channel, which are in the axis counted from the end; None where others differ."""
    if factor.numel() == 1:
        return factor.reshape(1).expand(channels)
    fits = -axis <= factor.ndim and factor.numel() == factor.shape[axis] == channels
    return factor.flatten() if fits else None


@torch.no_grad()
def _scaled(layer: Any, scale: Tensor) -> nn.Module:
    single: Any = deepcopy(layer)
    trains = layer.weight.requires_grad
    single.weight = nn.Parameter(scaled_weight(layer, scale), trains)
    if layer.bias is not None:
        single.bias = nn.Parameter(scale * layer.bias, trains)
    made: nn.Module = single
    return made
