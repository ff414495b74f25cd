"""What layers are given and what they make of it, in one run of a network."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from circulant.core.hooks import watching


@final
@dataclass(frozen=True, slots=True, eq=False)
class LayerCall:
    x: Tensor
    y: Tensor


@contextmanager
def recorded_calls(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, LayerCall]]:
    """By name, in the order of calls; the last where a layer is called again."""
    calls: dict[str, LayerCall] = {}

    def see(name: str, layer: nn.Module, operands: tuple[Tensor, ...], y: Tensor) -> None:
        calls[name] = LayerCall(operands[0], y)

    with watching(layers, see):
        yield calls
