"""What layers are given and what they make of it, in one run of a network."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

from torch import Tensor, nn


@final
@dataclass(frozen=True, slots=True, eq=False)
class LayerCall:
    x: Tensor
    y: Tensor


@contextmanager
def recorded_calls(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, LayerCall]]:
    """By name, in the order of calls; the last where a layer is called again."""
    calls: dict[str, LayerCall] = {}

    def hook_for(name: str) -> Any:
        def hook(layer: nn.Module, operands: tuple[Tensor, ...], y: Tensor) -> None:
            calls[name] = LayerCall(operands[0], y)

        return hook

    handles = [layer.register_forward_hook(hook_for(name)) for name, layer in layers.items()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
