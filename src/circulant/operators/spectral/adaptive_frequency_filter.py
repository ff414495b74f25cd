r"""Adaptive frequency filter: a gain for every channel and frequency, computed from the spectrum itself.

    X = rfftn(x) / sqrt(P),   M = shrink(W2 relu(W1 X + b1) + b2),   y = x + sqrt(P) irfftn(M X)

Shapes: x (B, C, *) -> y (B, C, *), with P positions; W1, W2 (blocks, C / blocks, C / blocks, 2) complex.
W1 and W2 are block diagonal over the channels. relu and shrink, which brings values towards zero by
`threshold` and those within it to zero, see real and imaginary part separately.

M X is a circular convolution of each channel with the kernel irfftn(M), as large as the input and made
from it. M need not be the spectrum of anything real: in the bins that are their own mirror images along
the last axis irfftn keeps what is. A shift of x turns the phases of X, which the biases and relu notice:
the kernel changes. The residual belongs to the operator, as published; widths of the hidden layer equal C.
"""

from math import gcd
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.pairs import times
from circulant.core.sizes import Shape, product
from circulant.engine.costs import transform_cost
from circulant.engine.transform import irfftn, rfftn
from circulant.operators.spectral.complex_linear import complex_linear, complex_linear_cost
from circulant.problems.transform import TransformKind

BLOCKS, THRESHOLD, FIRST_SCALE = 8, 0.01, 0.02  # of the published code


def reference(
    x: Tensor, state: dict[str, Tensor], blocks: int = BLOCKS, threshold: float = THRESHOLD
) -> Tensor:
    _, C, *sizes = x.shape
    places = torch.cartesian_prod(*(torch.arange(n) for n in sizes)).reshape(-1, len(sizes))
    bins = places[places[:, -1] <= sizes[-1] // 2]
    turns = ((bins[:, None] * places) / torch.tensor(sizes)).sum(-1).to(x) * 2 * torch.pi
    positions, P = x.flatten(2), places.shape[0]
    X = torch.complex(positions @ turns.cos().T, -(positions @ turns.sin().T)) / P**0.5

    def mapped(z: Tensor, name: str) -> Tensor:
        weight, bias = state[f"{name}_weight"], state[f"{name}_bias"]
        size = C // blocks
        parts = []
        for g in range(blocks):
            W = torch.complex(weight[g, ..., 0], weight[g, ..., 1])
            parts.append(torch.einsum("oi,bik->bok", W, z[:, g * size : (g + 1) * size]))
        return torch.cat(parts, 1) + torch.complex(bias[:, 0], bias[:, 1])[:, None]

    def shrunk(v: Tensor) -> Tensor:
        return v.sign() * (v.abs() - threshold).clamp(min=0)

    hidden = mapped(X, "first")
    made = mapped(torch.complex(hidden.real.clamp(min=0), hidden.imag.clamp(min=0)), "second")
    Y = torch.complex(shrunk(made.real), shrunk(made.imag)) * X
    has_mirror_image = (bins[:, -1] > 0) & (2 * bins[:, -1] < sizes[-1])
    share = (1 + has_mirror_image.to(x)) / P**0.5
    y = (Y.real * share) @ turns.cos() - (Y.imag * share) @ turns.sin()
    return x + y.reshape(x.shape)


class _AdaptiveFrequencyFilter(Operator):
    """Abstract over the number of spatial axes."""

    def __init__(
        self,
        channels: int,
        blocks: int = BLOCKS,
        *,
        threshold: float = THRESHOLD,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if blocks < 1 or channels % blocks:
            raise ArgumentError(f"expected blocks as a divisor of channels = {channels}, got {blocks}")
        if threshold < 0:
            raise ArgumentError(f"expected threshold of 0 or more, got {threshold}")
        self.channels, self.blocks, self.threshold = channels, blocks, threshold

        def empty(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        size = channels // blocks
        self.first_weight, self.first_bias = empty(blocks, size, size, 2), empty(channels, 2)
        self.second_weight, self.second_bias = empty(blocks, size, size, 2), empty(channels, 2)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=FIRST_SCALE)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        spatial = x.shape[2:]
        spectrum = rfftn(x, len(spatial), orthonormal=True)
        filtered = times(spectrum, self.gains(spectrum).to(spectrum.dtype))
        return x + irfftn(filtered, spatial, orthonormal=True).to(x.dtype)

    def gains(self, spectrum: Tensor) -> Tensor:
        """M for the orthonormal spectrum X (B, C, *bins, 2) -> (B, C, *bins, 2)."""
        hidden = complex_linear(spectrum, self.first_weight, self.first_bias).relu()
        made = complex_linear(hidden, self.second_weight, self.second_bias)
        return F.softshrink(made, self.threshold)

    def cost(self, shape: Shape) -> Cost:
        B, C, *spatial = shape
        bins = product((*spatial[:-1], spatial[-1] // 2 + 1))
        size = C // self.blocks
        layer = complex_linear_cost(B, self.blocks, size, size, bins)
        return transform_cost(TransformKind.RFFT, B * C, *spatial) * 2 + layer * 2

    def extra_repr(self) -> str:
        return f"{self.channels}, blocks={self.blocks}, threshold={self.threshold}"


@final
class AdaptiveFrequencyFilter1d(_AdaptiveFrequencyFilter):
    ndims = (1,)


@final
class AdaptiveFrequencyFilter2d(_AdaptiveFrequencyFilter):
    ndims = (2,)


@final
class AdaptiveFrequencyFilter3d(_AdaptiveFrequencyFilter):
    ndims = (3,)


BY_NDIM: dict[int, type[_AdaptiveFrequencyFilter]] = {
    1: AdaptiveFrequencyFilter1d,
    2: AdaptiveFrequencyFilter2d,
    3: AdaptiveFrequencyFilter3d,
}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels, gcd(channels, BLOCKS))


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Huang, Zhang, Lan, Zha, Lu and Guo",
            2023,
            "Adaptive Frequency Filters As Efficient Global Token Mixers",
            "https://arxiv.org/abs/2307.14008",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 8, 3, 4), lambda: AdaptiveFrequencyFilter2d(8)),
        Case(
            (1, 4, 5, 5),
            lambda: AdaptiveFrequencyFilter2d(4, 2, threshold=0.1),
            {"blocks": 2, "threshold": 0.1},
        ),
        Case((2, 2, 7), lambda: AdaptiveFrequencyFilter1d(2, 1), {"blocks": 1}),
        Case((1, 2, 2, 3, 4), lambda: AdaptiveFrequencyFilter3d(2, 2), {"blocks": 2}),
    ),
    refuses=(
        BadInput((2, 7, 4, 4), lambda: AdaptiveFrequencyFilter2d(8), says="C = 8"),
        BadInput((2, 8, 4), lambda: AdaptiveFrequencyFilter2d(8), says="(B, C, H, W)"),
        BadInput((2, 6, 4, 4), lambda: AdaptiveFrequencyFilter2d(6), says="divisor of channels"),
    ),
    mixer=_mixer,
)
