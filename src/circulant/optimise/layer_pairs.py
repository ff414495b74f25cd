"""Layers, and the layers that alone read them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import fx, nn

from circulant.optimise.traceable_parts import traceable_parts
from circulant.optimise.traced import behind_identities, called

Fits = Callable[[Any, Any], bool]  # (layer, the one after)


def pairs_of(twin: fx.GraphModule, fits: Fits) -> dict[nn.Module, nn.Module]:
    """Layer -> the one after it in a recorded network, where they fit and each is called once."""
    calls = Counter(called(twin, node) for node in twin.graph.nodes)
    found: dict[nn.Module, nn.Module] = {}
    for node in twin.graph.nodes:
        after = called(twin, node)
        if after is None or not node.all_input_nodes:
            continue
        read = behind_identities(twin, node.all_input_nodes[0])
        layer = called(twin, read)
        is_alone = len(read.users) == 1 and calls[layer] == calls[after] == 1
        if layer is not None and is_alone and fits(layer, after):
            found[layer] = after
    return found


def pairs_in(network: nn.Module, fits: Fits) -> dict[nn.Module, nn.Module]:
    """The same in every part of a network that torch.fx can record; both stand in one place."""
    stands = Counter(module for _, module in network.named_modules(remove_duplicate=False))
    return {
        layer: after
        for part in traceable_parts(network).found
        for layer, after in pairs_of(part.twin, fits).items()
        if stands[layer] == stands[after] == 1
    }
