"""What layers give while a network runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.hooks import watching


@contextmanager
def outputs_of(network: nn.Module, layers: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """What the layers of the network give while it runs inside, in the order in which they run."""
    missing = [layer for layer in layers if not any(layer is module for module in network.modules())]
    if missing or not layers:
        found = missing[0] if missing else "none"
        raise ArgumentError(f"expected one or more layers of the network, got {found}; see named_modules()")
    outputs: list[Tensor] = []

    def keep(name: str, layer: nn.Module, inputs: Any, output: Any) -> Tensor:
        if not isinstance(output, Tensor) or output.ndim != 4:
            raise ShapeError(
                f"expected a layer that gives features (B, C, H, W), {type(layer).__name__} gave something "
                "else; choose one before the pooling"
            )
        outputs.append(output)
        return output.clone()  # what comes after may work in place

    with watching({str(place): layer for place, layer in enumerate(layers)}, keep):
        yield outputs


def require_pictures(x: Tensor) -> None:
    if x.ndim != 4 or 0 in x.shape:
        raise ShapeError(f"expected pictures x (B, C, H, W), not empty, got {tuple(x.shape)}; see unsqueeze")
    if not x.is_floating_point():
        raise DtypeError(f"expected x of a floating-point dtype, got {x.dtype}; convert it with .float()")
