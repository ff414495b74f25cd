r"""Spectral pooling filter: low frequencies at one gain, high ones at one minus that, nothing to learn.

    y = ifftn(m fftn(x)),   m[k] = gain where |k| < radius, 1 - gain where |k| > radius, 1 / 3 where equal

Shapes: x (B, C, *) -> y (B, C, *). k counts waves over each axis, from -n / 2 to n / 2, and m is even: the
operator is a circular convolution of every channel with the real kernel ifftn(m), for any size. A wave is
kept as it is or scaled; gain = 0.5 halves everything but what lies on the cutoff.

Deviation: the published code stores the mask of one size and surrounds it with the high gain for others,
which is the same mask where all sizes are even, and mixes up height and width where they differ. The third
on the cutoff is that code's too.
"""

from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import spectral_filter_cost
from circulant.operators.spectral.radial_gain import radial_gain

RADIUS, GAIN = 2.0, 0.8  # of the first stages; the middle one of the three published gains


def reference(x: Tensor, state: dict[str, Tensor], radius: float = RADIUS, gain: float = GAIN) -> Tensor:
    sizes = x.shape[2:]
    places = torch.cartesian_prod(*(torch.arange(n) for n in sizes)).reshape(-1, len(sizes))
    signed = torch.cartesian_prod(*(torch.arange(n) - n // 2 for n in sizes)).reshape(-1, len(sizes))
    kernel = torch.zeros(len(places), dtype=x.dtype)
    for k in signed:
        distance = k.square().sum().sqrt().item()
        mask = gain if distance < radius else 1 - gain if distance > radius else 1 / 3
        turns = (k * places / torch.tensor(sizes)).sum(1).to(x)
        kernel = kernel + mask * torch.cos(2 * torch.pi * turns) / len(places)
    y = torch.zeros_like(x)
    for place, value in zip(places.tolist(), kernel):
        y = y + value * x.roll(place, list(range(2, x.ndim)))
    return y


class _SpectralPoolingFilter(Operator):
    """Abstract over the number of spatial axes. device and dtype are taken; there is nothing to place."""

    def __init__(
        self,
        channels: int,
        radius: float = RADIUS,
        gain: float = GAIN,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if radius < 0:
            raise ArgumentError(f"expected radius of 0 or more waves, got {radius}")
        self.channels, self.radius, self.gain = channels, radius, gain

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return radial_gain(x, x.ndim - 2, self.radius, x.new_full((1,), self.gain))

    def cost(self, shape: Shape) -> Cost:
        return spectral_filter_cost(shape)

    def extra_repr(self) -> str:
        return f"{self.channels}, radius={self.radius}, gain={self.gain}"


@final
class SpectralPoolingFilter1d(_SpectralPoolingFilter):
    ndims = (1,)


@final
class SpectralPoolingFilter2d(_SpectralPoolingFilter):
    ndims = (2,)


@final
class SpectralPoolingFilter3d(_SpectralPoolingFilter):
    ndims = (3,)


BY_NDIM: dict[int, type[_SpectralPoolingFilter]] = {
    1: SpectralPoolingFilter1d,
    2: SpectralPoolingFilter2d,
    3: SpectralPoolingFilter3d,
}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Yun, Yoo, Kim, Lee and Kim",
            2023,
            "SPANet: Frequency-balancing Token Mixer using Spectral Pooling Aggregation Modulation",
            "https://arxiv.org/abs/2308.11568",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.SHIFT_EQUIVARIANT, Law.DEPTHWISE}),
    cases=(
        Case((2, 3, 7, 6), lambda: SpectralPoolingFilter2d(3)),
        Case((1, 2, 4, 9), lambda: SpectralPoolingFilter2d(2, 1.5, 0.3), {"radius": 1.5, "gain": 0.3}),
        Case((2, 2, 9), lambda: SpectralPoolingFilter1d(2, 3, 0.9), {"radius": 3, "gain": 0.9}),
        Case((1, 2, 3, 4, 4), lambda: SpectralPoolingFilter3d(2, 1), {"radius": 1}),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: SpectralPoolingFilter2d(4), says="C = 4"),
        BadInput((2, 4, 4), lambda: SpectralPoolingFilter2d(4), says="(B, C, H, W)"),
        BadInput((2, 4, 4, 4), lambda: SpectralPoolingFilter2d(4, -1), says="radius of 0 or more"),
    ),
    mixer=_mixer,
)
