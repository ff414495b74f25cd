r"""De-aliasing filter: keeps the frequencies that the next, coarser grid can hold, and nothing else.

    y = ifftn(m fftn(x)),   m[k] = 1 where |k_a / n_a| <= cutoff along every axis a, else 0

Shapes: x (B, C, *) -> y (B, C, *). Frequencies are in cycles per sample, 0.5 the highest. The operator is
a circular convolution, the same for all channels, and changes nothing when applied again.

A layer that takes C channels on n samples to D channels on n' samples along each of d axes samples at the
equivalent rate (D n'^d / (C n^d))^(1 / d) per axis: more channels make up for fewer samples. Half of that is
its `nyquist_frequency`, 0.354 for stride 2 with channels doubled in two dimensions; the published networks
use 0.25 * 1.4, the default. Above 0.25 a single channel still folds where it is sampled with stride 2.
Deviation: the published code cuts the square out by rounded indices, which leaves one bin of the positive
side out where cutoff * n is an integer; here both signs of a frequency are treated alike.
"""

from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import spectral_filter_cost
from circulant.operators.spectral.low_pass import CUTOFF, low_pass, nyquist_frequency, require_cutoff

EXPORTS = (nyquist_frequency,)


def reference(x: Tensor, state: dict[str, Tensor], cutoff: float = CUTOFF) -> Tensor:
    y = x
    for axis in range(2, x.ndim):
        n = x.shape[axis]
        distance = torch.arange(n)[:, None] - torch.arange(n)
        matrix = torch.zeros(n, n, dtype=x.dtype)
        for k in range(-(n // 2), n - n // 2):
            if abs(k) <= cutoff * n:
                matrix = matrix + torch.cos(2 * torch.pi * k * distance / n).to(x) / n
        y = (y.movedim(axis, -1) @ matrix.T).movedim(-1, axis)
    return y


class _DeAliasingFilter(Operator):
    """Abstract over the number of spatial axes. device and dtype are taken; there is nothing to place."""

    def __init__(
        self,
        channels: int,
        cutoff: float = CUTOFF,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_cutoff(cutoff)
        self.channels, self.cutoff = channels, cutoff

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return low_pass(x, x.ndim - 2, self.cutoff)

    def cost(self, shape: Shape) -> Cost:
        return spectral_filter_cost(shape)

    def extra_repr(self) -> str:
        return f"{self.channels}, cutoff={self.cutoff}"


@final
class DeAliasingFilter1d(_DeAliasingFilter):
    ndims = (1,)


@final
class DeAliasingFilter2d(_DeAliasingFilter):
    ndims = (2,)


@final
class DeAliasingFilter3d(_DeAliasingFilter):
    ndims = (3,)


BY_NDIM: dict[int, type[_DeAliasingFilter]] = {
    1: DeAliasingFilter1d,
    2: DeAliasingFilter2d,
    3: DeAliasingFilter3d,
}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Chen, Gu and Fu",
            2024,
            "When Semantic Segmentation Meets Frequency Aliasing",
            "https://arxiv.org/abs/2403.09065",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.SHIFT_EQUIVARIANT, Law.DEPTHWISE}),
    cases=(
        Case((2, 3, 7, 6), lambda: DeAliasingFilter2d(3)),
        Case((1, 2, 8, 5), lambda: DeAliasingFilter2d(2, 0.25), {"cutoff": 0.25}),
        Case((2, 2, 9), lambda: DeAliasingFilter1d(2, 0.1), {"cutoff": 0.1}),
        Case((1, 2, 3, 4, 4), lambda: DeAliasingFilter3d(2)),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: DeAliasingFilter2d(4), says="C = 4"),
        BadInput((2, 4, 4), lambda: DeAliasingFilter2d(4), says="(B, C, H, W)"),
        BadInput((2, 4, 4, 4), lambda: DeAliasingFilter2d(4, 0.7), says="cutoff from 0 to 0.5"),
    ),
    mixer=_mixer,
)
