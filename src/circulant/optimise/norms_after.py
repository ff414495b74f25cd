"""Layers of a recorded network and the norms that alone read them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import fx, nn

from circulant.optimise.traced import behind_identities, called


def norms_after(twin: fx.GraphModule, fits: Callable[[Any, Any], bool]) -> dict[nn.Module, nn.Module]:
    """Layer -> norm, where fits(layer, norm) and each is called once."""
    calls = Counter(called(twin, node) for node in twin.graph.nodes)
    found: dict[nn.Module, nn.Module] = {}
    for node in twin.graph.nodes:
        norm = called(twin, node)
        if norm is None or not node.all_input_nodes:
            continue
        read = behind_identities(twin, node.all_input_nodes[0])
        layer = called(twin, read)
        is_alone = len(read.users) == 1 and calls[layer] == calls[norm] == 1
        if layer is not None and is_alone and fits(layer, norm):
            found[layer] = norm
    return found
