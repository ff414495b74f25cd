"""Convolutions and linear layers packed, with the sums and activations behind them inside."""

import operator
from collections import Counter
from typing import Any

import torch
from torch import fx, nn

from circulant.core.hooks import watching
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.optimise.axes import Ranks, as_before, permutations_behind, ranks_in
from circulant.optimise.example import Example
from circulant.optimise.packed_layers import packed
from circulant.optimise.pointwise import NOTHING, pointwise_call
from circulant.optimise.remove_dead import clean, is_pure
from circulant.optimise.replaced import replace
from circulant.optimise.rewrite_pass import Changed, Refused
from circulant.optimise.traceable_parts import in_place_of, traceable_parts
from circulant.optimise.traced import called, put

SUM_IN_PLACE = "add_"  # += is recorded as a plain sum
SUMS: tuple[Any, ...] = (operator.add, torch.add, "add", SUM_IN_PLACE)


def pack_weights(model: nn.Module, example: Example) -> Changed | Refused:
    """Last of all: other passes would not know the layers any more.

    Parts with something to fuse become flat graphs; elsewhere layer by layer is replaced.
    """
    if model.training:
        return Refused("weights are packed for inference, and this model is to be trained on")
    model = _in_torchs_layers(model, example)
    counts: Counter[str] = Counter()
    graphs: dict[nn.Module, nn.Module] = {}
    parts = traceable_parts(model).found
    for part in parts:
        clean(part.twin)
    ranks = ranks_in(model, parts, example)
    for part in parts:
        if fused := _fuse(part.twin, ranks):
            graphs[part.module] = in_place_of(part)
            counts += fused
    flat = replace(model, lambda _, module: graphs.get(module)).module
    rewrite = replace(flat, lambda _, layer: packed(layer))
    layers = counts["layers"] + len(rewrite.replaced)
    if layers == 0:
        return Refused("no convolution of pictures and no linear layer of torch in float32")
    fused_words = f"{counts['activations']} activations and {counts['sums']} sums"
    return Changed(rewrite.module, f"packed the weights of {layers} layers, fused {fused_words} with them")


def _in_torchs_layers(model: nn.Module, example: Example) -> nn.Module:
    """Planned layers that are left to torch at the example's sizes, as layers of torch that can be packed."""
    planned = {name: layer for name, layer in model.named_modules() if type(layer) is DepthwiseConv2d}
    if not planned:
        return model
    left: dict[nn.Module, bool] = {}

    def see(name: str, layer: Any, operands: Any, result: Any) -> None:
        left[layer] = left.get(layer, True) and layer.is_torchs(*operands)

    with watching(planned, see), torch.no_grad():
        example.run(model)

    def substitute(_: str, layer: Any) -> nn.Module | None:
        if not left.get(layer, False):
            return None
        conv: nn.Conv2d = layer.to_conv()
        conv.weight, conv.bias = layer.weight, layer.bias  # shared ones stay shared
        return conv if packed(conv) is not None else None

    return replace(model, substitute).module


def _fuse(twin: fx.GraphModule, ranks: Ranks) -> Counter[str]:
    """Changes the twin's graph, and layers of its own that are called once; what was fused, by kind."""
    calls = Counter(called(twin, node) for node in twin.graph.nodes)
    counts: Counter[str] = Counter()
    for node in list(twin.graph.nodes):
        layer = called(twin, node)
        if layer is not None and calls[layer] == 1 and len(node.args) == 1 and packed(layer) is not None:
            counts += _fuse_behind(twin, node, layer, ranks)
    return counts


def _fuse_behind(twin: fx.GraphModule, node: fx.Node, layer: nn.Module, ranks: Ranks) -> Counter[str]:
    """Axes that are permuted between the layer and what is fused are permuted behind it then."""
    counts: Counter[str] = Counter()
    calls = [node, *permutations_behind(node, ranks)]
    last = calls[-1]
    reader = _only_reader(last)
    other = None if reader is None else _addend(reader, last)
    is_alike = last is node or (other is not None and ranks.get(other) == ranks.get(last))
    if reader is not None and other is not None and is_alike and _is_pure_between(twin, node, reader):
        with twin.graph.inserting_before(reader):
            node.args = (*node.args, as_before(other, calls[1:], ranks))
        for call in calls:
            reader.prepend(call)  # other may be computed behind the layer
        _replace(reader, last)
        counts["sums"] += 1
    reader = _only_reader(last)
    activation = None if reader is None else pointwise_call(twin, reader)
    if reader is not None and activation is not None:
        _replace(reader, last)
        counts["activations"] += 1
    if counts:
        counts["layers"] += 1
        put(twin, node, packed(layer, activation or NOTHING))
    return counts


def _only_reader(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _addend(reader: fx.Node, node: fx.Node) -> fx.Node | None:
    """What else a sum adds to a node, which it may overwrite; None for other calls and a + a."""
    is_call = reader.op in ("call_function", "call_method")
    if not is_call or reader.target not in SUMS or len(reader.args) != 2 or reader.kwargs:
        return None
    first, second = reader.args
    if reader.target == SUM_IN_PLACE and first is not node:
        return None
    other = second if first is node else first
    return other if isinstance(other, fx.Node) and other is not node else None


def _is_pure_between(twin: fx.GraphModule, node: fx.Node, later: fx.Node) -> bool:
    """Whether the node may move to a later place: nothing before that writes what it reads."""
    between = node.next
    while between is not later:
        if not is_pure(between, called(twin, between)):
            return False
        between = between.next
    return True


def _replace(node: fx.Node, by: fx.Node) -> None:
    node.replace_all_uses_with(by)
    node.graph.erase_node(node)
