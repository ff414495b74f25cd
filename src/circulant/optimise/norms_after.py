"""Layers of a recorded network and the norms that alone read them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import fx, nn

from circulant.optimise.traced import called


def norms_after(twin: fx.GraphModule, fits: Callable[[Any, Any], bool]) -> dict[nn.Module, nn.Module]:
    """Layer -> norm, where fits(layer, norm) and each is called once."""
    calls = Counter(called(twin, node) for node in twin.graph.nodes)
    found: dict[nn.Module, nn.Module] = {}
    for node in twin.graph.nodes:
        norm = called(twin, node)
        read = node.args[0] if node.args else None
        layer = called(twin, read)
        if layer is None or norm is None or not fits(layer, norm) or calls[layer] > 1 or calls[norm] > 1:
            continue
        if isinstance(read, fx.Node) and len(read.users) == 1:
            found[layer] = norm
    return found
