r"""Spectral convolution: the layer of the Fourier neural operator, a matrix for each low frequency.

    Y[b, o, k] = sum_i weight[i, o, k] X[b, i, k] where all |k_a| are low, else 0
    X = rfftn(x),   y = irfftn(Y)

Shapes: x (B, I, *spatial) -> y (B, O, *spatial); weight (I, O, 2 m_1, .., 2 m_(d-1), m_d, 2) of pairs, with
modes m: along the last axis the frequencies 0 .. m_d - 1, along each other 0 .. m_a - 1 and then -m_a .. -1
(the authors keep these corners in tensors of their own). A grid has room for them from 2 m_a samples on, and
from 2 m_d - 2 along the last axis; the same weights work on every such grid, and mean the same function.
"""

from collections.abc import Iterable
from itertools import product as combinations
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, per_axis, product
from circulant.engine.costs import transform_cost
from circulant.engine.low_frequencies import from_low_frequencies, low_frequencies
from circulant.operators.spectral.complex_view import matrix_products
from circulant.problems.transform import TransformKind


def reference(x: Tensor, state: dict[str, Tensor], modes: tuple[int, ...] = (2,)) -> Tensor:
    weight, sizes = torch.view_as_complex(state["weight"]), x.shape[2:]
    places = (
        torch.cartesian_prod(*map(torch.arange, sizes)).reshape(-1, len(sizes)) / torch.tensor(sizes).double()
    )
    y = x.new_zeros(len(x), weight.shape[1], len(places))
    kept = [[*range(m), *range(-m, 0)] for m in modes[:-1]] + [[*range(modes[-1])]]
    for k, mixing in zip(combinations(*kept), weight.flatten(2).unbind(2)):
        wave = torch.exp(2j * torch.pi * (places @ torch.tensor(k).double())).to(weight.dtype)
        Y = (x.flatten(2) + 0j) @ wave.conj() @ mixing
        has_mirror_image = 0 < 2 * k[-1] < sizes[-1]
        y += (1 + has_mirror_image) * (Y[..., None] * wave).real / len(places)
    return y.unflatten(2, sizes)


class _SpectralConv(Operator):
    """Abstract over the number of spatial axes. `modes`: how many low frequencies along each, on one side."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        modes: int | Iterable[int],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.modes = per_axis(modes, self.ndims[0], "modes")
        if min(in_channels, out_channels, *self.modes) < 1:
            sizes = f"{in_channels}, {out_channels} and {self.modes}"
            raise ArgumentError(f"expected in_channels, out_channels and modes of 1 or more, got {sizes}")
        shape = (in_channels, out_channels, *self.kept, 2)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.reset_parameters()

    @property
    def kept(self) -> Shape:
        """Frequencies along each axis."""
        return (*(2 * m for m in self.modes[:-1]), self.modes[-1])

    def reset_parameters(self) -> None:
        """Real and imaginary parts uniform from 0 to 1 / (I O), as published."""
        nn.init.uniform_(self.weight, 0.0, 1 / (self.in_channels * self.out_channels))

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        sizes = tuple(x.shape[2:])
        self.require_room(sizes)
        mixed = channel_product(low_frequencies(x, self.modes), self.weight.to(x.dtype))
        return from_low_frequencies(mixed, self.modes, sizes)

    def require_room(self, sizes: Shape) -> None:
        """Raise unless a grid of those sizes has all the frequencies."""
        least = (*(2 * m for m in self.modes[:-1]), max(1, 2 * self.modes[-1] - 2))
        if any(n < m for n, m in zip(sizes, least)):
            wanted = " x ".join(map(str, least))
            raise ShapeError(
                f"expected a grid of {wanted} samples or more for modes={self.modes}, got {sizes}; "
                "take fewer modes"
            )

    def cost(self, shape: Shape) -> Cost:
        B, I, *sizes = shape
        forward = transform_cost(TransformKind.RFFT, B * I, *sizes)
        back = transform_cost(TransformKind.RFFT_ADJOINT, B * self.out_channels, *sizes)
        return forward + back + matmul_cost(B, 2 * I, 2 * self.out_channels) * product(self.kept)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, modes={self.modes}"


def channel_product(z: Tensor, weight: Tensor) -> Tensor:
    """Pairs z (B, I, *kept, 2) times weight (I, O, *kept, 2) -> (B, O, *kept, 2)."""
    B, I, O, kept = *z.shape[:2], weight.shape[1], z.shape[2:-1]
    rows = z.reshape(B, I, product(kept), 2).permute(2, 0, 1, 3)
    matrices = weight.reshape(I, O, product(kept), 2).permute(2, 0, 1, 3)
    return matrix_products(rows, matrices).permute(1, 2, 0, 3).reshape(B, O, *kept, 2)


@final
class SpectralConv1d(_SpectralConv):
    ndims = (1,)


@final
class SpectralConv2d(_SpectralConv):
    ndims = (2,)


@final
class SpectralConv3d(_SpectralConv):
    ndims = (3,)


BY_NDIM: dict[int, type[_SpectralConv]] = {1: SpectralConv1d, 2: SpectralConv2d, 3: SpectralConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    modes = (*(max(1, min(12, n // 2)) for n in spatial[:-1]), min(12, spatial[-1] // 2 + 1))
    return BY_NDIM[len(spatial)](channels, channels, modes)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Li, Kovachki, Azizzadenesheli, Liu, Bhattacharya, Stuart and Anandkumar",
            2020,
            "Fourier Neural Operator for Parametric Partial Differential Equations",
            "https://arxiv.org/abs/2010.08895",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.SHIFT_EQUIVARIANT}),
    cases=(
        Case((2, 2, 7), lambda: SpectralConv1d(2, 3, 4), {"modes": (4,)}),
        Case((2, 2, 6), lambda: SpectralConv1d(2, 2, 4), {"modes": (4,)}),
        Case((2, 3, 4, 5), lambda: SpectralConv2d(3, 2, (2, 3)), {"modes": (2, 3)}),
        Case((1, 2, 3, 4, 4), lambda: SpectralConv3d(2, 2, (1, 2, 3)), {"modes": (1, 2, 3)}),
    ),
    refuses=(
        BadInput((2, 5, 8, 8), lambda: SpectralConv2d(4, 4, 2), says="C = 4"),
        BadInput((2, 4, 3, 8), lambda: SpectralConv2d(4, 4, 2), says="4 x 2 samples or more"),
        BadInput((2, 4, 8), lambda: SpectralConv1d(4, 4, 0), says="modes of 1 or more"),
    ),
    mixer=_mixer,
)
