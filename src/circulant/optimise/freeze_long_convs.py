"""Long convolutions of a trained network whose kernels are found once, with their spectra.

Kernels of state space models and of implicit convolutions are computed from parameters in every call, and
then transformed. Where nothing trains both can be kept.
"""

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.hooks import watching
from circulant.engine.frozen_long_conv import FrozenLongConv
from circulant.engine.long_conv import LongBoundary, long_conv
from circulant.models.hyena import HyenaConv
from circulant.operators.sequence.diagonal_ssm import DiagonalSsm
from circulant.operators.sequence.long_conv1d import LongConv1d
from circulant.operators.sequence.rational_transfer_function1d import RationalTransferFunction1d
from circulant.operators.sequence.sg_conv import SGConv
from circulant.operators.sequence.shift_ssm import ShiftSsm
from circulant.optimise.example import Example
from circulant.optimise.replaced import Rewrite, replace

RESPONSES: dict[type[nn.Module], Callable[[Any, int], Tensor]] = {
    DiagonalSsm: lambda layer, length: layer.impulse_response(length),
    HyenaConv: lambda layer, length: layer.impulse_response(length),
    LongConv1d: lambda layer, length: layer.impulse_response(),
    RationalTransferFunction1d: lambda layer, length: layer.impulse_response(),
    SGConv: lambda layer, length: layer.impulse_response(),
    ShiftSsm: lambda layer, length: layer.impulse_response(),
}


@final
class FrozenKernel(nn.Module):
    """A layer that is a long convolution, with its kernel as it is now, for at most `length` samples.

    Longer inputs, training and calls outside torch.no_grad() go to the layer itself, as does everything else
    that is asked of it. Shapes: x (B, C, L), and gates of its shape where it has some -> y (B, C, L).
    """

    def __init__(self, layer: nn.Module, length: int) -> None:
        super().__init__()
        self.layer, self.length = layer, length
        is_bidirectional = getattr(layer, "bidirectional", False)
        self.boundary = LongBoundary.SAME if is_bidirectional else LongBoundary.CAUSAL
        with torch.no_grad():
            kernel = RESPONSES[type(layer)](layer, length)
        self.register_buffer("frozen", kernel.to(next(layer.parameters()).dtype))
        self._transformed: tuple[Tensor, FrozenLongConv] | None = None

    def forward(self, x: Tensor, gate_in: Tensor | None = None, gate_out: Tensor | None = None) -> Tensor:
        gates = () if gate_in is None else (gate_in, gate_out)
        if self.training or torch.is_grad_enabled() or x.shape[-1] > self.length:
            y: Tensor = self.layer(x, *gates)
            return y
        kernel, skip = self.get_buffer("frozen"), getattr(self.layer, "skip", None)
        if torch.compiler.is_compiling():
            return long_conv(x, kernel, skip=skip, gate_in=gate_in, gate_out=gate_out, boundary=self.boundary)
        if self._transformed is None or self._transformed[0] is not kernel:
            self._transformed = kernel, FrozenLongConv(kernel, skip=skip, boundary=self.boundary)
        return self._transformed[1](x, *gates)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("layer"), name)

    def __getstate__(self) -> dict[str, Any]:
        """Copies find their own spectra."""
        return {**self.__dict__, "_transformed": None}


def freeze_long_convs(network: nn.Module, example: Example) -> Rewrite:
    """Replace the long convolutions that the example reaches, for inputs no longer than it met."""
    lengths: dict[nn.Module, int] = {}

    def see(name: str, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        lengths[layer] = max(lengths.get(layer, 0), inputs[0].shape[-1])

    layers = {name: layer for name, layer in network.named_modules() if type(layer) in RESPONSES}
    with torch.no_grad(), watching(layers, see):
        example.run(network)
    frozen = {layer for layer in lengths if getattr(layer, "chunk", None) is None}
    return replace(network, lambda _, layer: FrozenKernel(layer, lengths[layer]) if layer in frozen else None)
