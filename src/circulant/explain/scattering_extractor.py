r"""Features of layers of frames, a non-linearity and pooling, that expand no distance between signals.

    u_0 = f,     u_{n+1} = P_n(M_n(u_n * g_l)) for every filter g_l of bank n,     Phi_n = u_n * chi_n.

With M_n and P_n of Lipschitz constants L and R, and an upper frame bound B, a layer is admissible if
max(B, B L^2 R^2) <= 1. Then |Phi(f) - Phi(h)| <= |f - h|, and features move little with the signal: without
decimation, where each bank is wider by the factors S_1 .. S_n of the layers before it,

    |Phi_n(T_t f) - Phi_n(f)| <= 2 pi |t| K / (S_1 .. S_n) |f|,     |chi_n(w)| |w| <= K.

For functions of a continuous argument, sub-sampling by S is S^(d/2) u(S x). On a grid that factor must go:
u[S n] alone has R = 1, and with the factor the energy can grow by S^d.

Wiatowski and Bölcskei, 2015, A Mathematical Theory of Deep Convolutional Neural Networks for Feature
Extraction, https://arxiv.org/abs/1512.06293. Only its abstract was at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import hypot, pi, prod
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.pairs import power, times
from circulant.core.sizes import Shape
from circulant.engine.transform import fftn, ifftn
from circulant.explain.frame_filter_bank import FrameFilterBank

ROUNDING = 1e-9  # what a bound may exceed 1 by


@final
class Nonlinearity(Enum):
    """All have a Lipschitz constant of 1 or less, and map 0 to 0; but for the modulus, of each part."""

    MODULUS = "modulus"
    RELU = "ReLU"
    TANH = "tanh"
    SHIFTED_SIGMOID = "shifted logistic sigmoid"

    @property
    def lipschitz(self) -> float:
        return 0.25 if self is Nonlinearity.SHIFTED_SIGMOID else 1.0

    def __call__(self, u: Tensor) -> Tensor:
        """Pairs (..., 2) -> (..., 2)."""
        match self:
            case Nonlinearity.MODULUS:
                size = power(u).sqrt()
                return torch.stack([size, torch.zeros_like(size)], -1)
            case Nonlinearity.RELU:
                return u.relu()
            case Nonlinearity.TANH:
                return u.tanh()
            case Nonlinearity.SHIFTED_SIGMOID:
                return u.sigmoid() - 0.5


@final
class Pooling(Enum):
    UNDECIMATED = "keeps the grid; later filters are wider instead"
    SUBSAMPLE = "u[S n]"
    SCALED_SUBSAMPLE = "S^(d/2) u[S n]"
    AVERAGE = "mean over cells of S samples along each axis"

    def lipschitz(self, factor: int, ndim: int) -> float:
        match self:
            case Pooling.SCALED_SUBSAMPLE:
                return factor ** (ndim / 2)
            case Pooling.AVERAGE:
                return factor ** (-ndim / 2)
            case _:
                return 1.0

    def __call__(self, u: Tensor, factor: int, ndim: int) -> Tensor:
        """Pairs (..., *grid, 2) -> (..., *coarser, 2)."""
        if self is Pooling.UNDECIMATED:
            return u
        for axis in range(-ndim - 1, -1):
            cells = u.unflatten(axis, (-1, factor))
            u = cells.mean(axis) if self is Pooling.AVERAGE else cells.select(axis, 0)
        return u * self.lipschitz(factor, ndim) if self is Pooling.SCALED_SUBSAMPLE else u


@final
@dataclass(frozen=True, slots=True)
class ScatteringLayer:
    """A bank, and what follows its filters on the way to the next layer."""

    bank: FrameFilterBank
    nonlinearity: Nonlinearity = Nonlinearity.MODULUS
    pooling: Pooling = Pooling.SUBSAMPLE
    factor: int = 2

    @property
    def expansion(self) -> float:
        """max(B, B L^2 R^2): what the energy of a difference can grow by."""
        upper = self.bank.bounds.upper
        pooled = self.pooling.lipschitz(self.factor, len(self.bank.grid))
        return max(upper, upper * (self.nonlinearity.lipschitz * pooled) ** 2)


@final
class ScatteringExtractor(nn.Module):
    """Features of every layer, side by side.  Shapes: x (B, *grid) -> y (B, features), in float64.

    The filters of the last bank are not used, only its output filter.
    """

    def __init__(self, layers: Sequence[ScatteringLayer]) -> None:
        """Refuses layers that are not admissible, and banks of another grid than what reaches them."""
        super().__init__()
        if not layers:
            raise ArgumentError("expected at least one layer, got none")
        self.layers = tuple(layers)
        grid = layers[0].bank.grid
        wider = 1
        for position, layer in enumerate(layers):
            _require_admissible(position, layer, grid)
            self.register_buffer(
                f"responses{position}", layer.bank.dilated(wider).responses, persistent=False
            )
            if layer.pooling is Pooling.UNDECIMATED:
                wider *= layer.factor
            else:
                grid = tuple(n // layer.factor for n in grid)

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Phi_n of each layer n from 0 on: (B, paths, *grid, 2), pairs."""
        grid = self.layers[0].bank.grid
        if tuple(x.shape[1:]) != grid or x.is_complex():
            raise ShapeError(f"expected real x (B, {', '.join(map(str, grid))}), got {tuple(x.shape)}")
        real = x.double()[:, None]
        u, found = torch.stack([real, torch.zeros_like(real)], -1), []
        for position, layer in enumerate(self.layers):
            spectrum, responses = fftn(u, len(grid)), self.get_buffer(f"responses{position}")
            found.append(ifftn(times(spectrum, responses[0]), len(grid)))
            if position + 1 < len(self.layers):
                filtered = ifftn(times(spectrum[:, :, None], responses[1:]), len(grid)).flatten(1, 2)
                u = layer.pooling(layer.nonlinearity(filtered), layer.factor, len(grid))
        return tuple(found)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([layer.flatten(1) for layer in self.features(x)], 1)


def translation_bound(layers: Sequence[ScatteringLayer], shift: tuple[float, ...]) -> tuple[float, ...]:
    """For each layer n the largest |Phi_n(T_t f) - Phi_n(f)| / |f|, for a shift t in samples.

    Holds for undecimated layers and circular shifts; aliasing of sub-sampled ones is not in it.
    """
    factors = [layer.factor for layer in layers]
    return tuple(
        2 * pi * hypot(*shift) * layer.bank.decay / prod(factors[:position])
        for position, layer in enumerate(layers)
    )


def _require_admissible(position: int, layer: ScatteringLayer, grid: Shape) -> None:
    if layer.factor < 1 or any(n % layer.factor for n in grid):
        raise ArgumentError(f"layer {position}: expected a factor that divides {grid}, got {layer.factor}")
    if layer.bank.grid != grid:
        raise ShapeError(
            f"layer {position}: expected a bank on the grid {grid}, got one on {layer.bank.grid}"
        )
    if layer.expansion > 1 + ROUNDING:
        raise ArgumentError(
            f"layer {position}: expected max(B, B L^2 R^2) of at most 1, got {layer.expansion:g} with B = "
            f"{layer.bank.bounds.upper:g}; call tight_above() on the bank, or take Pooling.SUBSAMPLE"
        )
