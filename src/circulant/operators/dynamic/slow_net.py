"""Slow nets: small networks of sines that make a kernel from the coordinates of its taps.

    z_0 = sin(F_0 p),   z_i = sin(F_i p + f_i) (A_i z_{i-1} + a_i) + P,   W[:, p] = A z_L + a

p are coordinates in [-1, 1] along each axis; P, one number for each tap, is learned and starts at 0.
"""

from collections.abc import Callable
from math import pi, sqrt
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.cost import ZERO_COST, Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.engine.execute import without_autocast

GAMMA_SHAPE = 6.0  # of the distribution that the frequencies of layer i start from, divided by i + 1
INTERPOLATION = {1: "linear", 2: "bilinear"}


def coordinates(ndim: int, size: int, like: Tensor) -> Tensor:
    """Of size^ndim taps from corner to corner, the last axis fastest (size^ndim, ndim), in like's dtype."""
    axis = torch.linspace(-1, 1, size, device=like.device, dtype=like.dtype)
    return torch.stack(torch.meshgrid([axis] * ndim, indexing="ij"), -1).flatten(0, -2)


def mapped(layer: nn.Linear, z: Tensor) -> Tensor:
    """The layer in z's dtype."""
    return F.linear(z, layer.weight.to(z.dtype), None if layer.bias is None else layer.bias.to(z.dtype))


def wide_dtype(dtype: torch.dtype) -> torch.dtype:
    """What slow nets compute in: half precision does not resolve the phases of their sines."""
    return torch.promote_types(dtype, torch.float32)


def linear_map(inner: int, outer: int, bias: float, device: torch.device | str | None) -> nn.Linear:
    layer = nn.Linear(inner, outer, device=device)
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")
    nn.init.constant_(layer.bias, bias)
    return layer


def linears_in(modules: nn.ModuleList) -> list[nn.Linear]:
    return [layer for layer in modules if isinstance(layer, nn.Linear)]


@final
class SlowNet(nn.Module):
    """A kernel of out_channels and size taps along each of ndim axes, from their coordinates alone.

    Shapes: () -> (out_channels, *size). `forward(size)` asks the same function on another grid from corner to
    corner, P interpolated between its taps: where two grids share a coordinate, they share the value.
    """

    def __init__(
        self,
        ndim: int,
        size: int,
        out_channels: int,
        hidden: int = 64,
        layers: int = 2,
        *,
        frequency: float = 1.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(size, out_channels, hidden, layers) < 1 or ndim not in INTERPOLATION:
            raise ArgumentError(
                "expected 1 or 2 axes, and size, out_channels, hidden and layers of 1 or more, "
                f"got {ndim}, {size}, {out_channels}, {hidden}, {layers}"
            )
        self.ndim, self.size = ndim, size
        self.filters = nn.ModuleList(nn.Linear(ndim, hidden, device=device) for _ in range(layers + 1))
        self.linears = nn.ModuleList(linear_map(hidden, hidden, 1.0, device) for _ in range(layers))
        self.output = linear_map(hidden, out_channels, 0.0, device)
        self.bias = nn.Parameter(torch.zeros((size,) * ndim, device=device))
        self._start(frequency)
        self.to(dtype=dtype)

    @torch.no_grad()
    def _start(self, frequency: float) -> None:
        """Frequencies of all lengths, no phases; a kernel whose norm does not grow with its taps."""
        for number, layer in enumerate(linears_in(self.filters)):
            gamma = torch.distributions.Gamma(GAMMA_SHAPE / (number + 1), 1.0, validate_args=False)
            lengths = gamma.sample(layer.weight.shape).to(layer.weight)
            layer.weight.mul_(2 * pi * frequency * lengths)
            nn.init.zeros_(layer.bias)
        self.output.weight.div_(sqrt(self.bias.numel()))

    def forward(
        self, size: int | None = None, between: Callable[[int, Tensor], Tensor] | None = None
    ) -> Tensor:
        """between(i, z_i (taps, hidden)) takes the place of each z_i after the first."""
        size = self.size if size is None else size
        with without_autocast(self.bias.device.type):
            bias = self._biases(size)
            taps = coordinates(self.ndim, size, bias)
            first, *later = linears_in(self.filters)
            z = mapped(first, taps).sin()
            for number, (sines, linear) in enumerate(zip(later, linears_in(self.linears))):
                z = mapped(sines, taps).sin() * mapped(linear, z) + bias
                z = z if between is None else between(number, z)
            return mapped(self.output, z).mT.unflatten(1, (size,) * self.ndim)

    def _biases(self, size: int) -> Tensor:
        """(taps, 1)."""
        bias = self.bias.to(wide_dtype(self.bias.dtype))
        if size != self.size:
            mode = INTERPOLATION[self.ndim]
            bias = F.interpolate(bias[None, None], (size,) * self.ndim, mode=mode, align_corners=True)
        return bias.reshape(-1, 1)

    def cost(self) -> Cost:
        taps, total = self.size**self.ndim, ZERO_COST
        for layer in (*linears_in(self.filters), *linears_in(self.linears), self.output):
            total += matmul_cost(taps, layer.in_features, layer.out_features)
        return total

    def extra_repr(self) -> str:
        return f"{self.output.out_features} x {self.size}^{self.ndim}"
