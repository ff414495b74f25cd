"""What a rewrite by name is given, known to be a convolution layer of torch."""

from torch import nn

from circulant.core.errors import ArgumentError
from circulant.engine.conv_settings import CONVOLUTIONS, TorchConv


def conv_layer(name: str, layer: nn.Module) -> TorchConv:
    """The layer, of torch's own class: others may compute something else."""
    if type(layer) not in CONVOLUTIONS:
        kind = type(layer).__name__
        raise ArgumentError(f"expected {name!r} to be a convolution layer of torch, got {kind}")
    return layer  # type: ignore[return-value]  # one of the three, as just checked
