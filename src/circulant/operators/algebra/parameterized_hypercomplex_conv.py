r"""Convolution over an algebra of n dimensions whose multiplication table is learnt with the filters.

    y = conv(x, W) + bias,   W = sum_i A_i (x) F_i   (Kronecker products, i = 1 .. n)

A_i (n, n) says how the n blocks of channels mix and F_i (O / n, I / n, *kernel) filters within a block, so
that W has n^3 + O I prod(kernel) / n free values instead of O I prod(kernel). n = 4 with the left
multiplications by 1, i, j, k is the quaternion convolution, n = 2 can be the complex one, n = 1 the real.

Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial); algebra (n, n, n), filters
(n, O / n, I / n, *kernel), divided by groups once more in its third size.
The n blocks of channels are contiguous: all first components, then all second ones, and so on. With groups
each group is such a convolution of its own, with the same algebra. The published convolutions never add
their bias; here it is added. The published initial values are kept: Xavier over each whole tensor.
"""

from itertools import product
from typing import Self, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import Sizes, TorchConv, constructor_arguments, conv_settings
from circulant.operators.algebra.kronecker_sum import KroneckerSum, filters_shape, nearest_kronecker_sum


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    mode: str = "constant",
) -> Tensor:
    algebra, filters = state["algebra"], state["filters"]
    n, kernel = len(algebra), filters.shape[3:]
    x = F.pad(x, (padding, padding) * len(kernel), mode=mode)
    windows = [range(0, L - dilation * (k - 1), stride) for L, k in zip(x.shape[2:], kernel)]
    results = []
    for x_g, filters_g in zip(x.chunk(groups, 1), filters.chunk(groups, 1)):
        tables = algebra.reshape(n, n, n, *(1,) * len(kernel))
        W = torch.stack([torch.kron(A, f) for A, f in zip(tables, filters_g)]).sum(0)
        y = x.new_zeros(len(x), len(W), *map(len, windows))
        for tap in product(*map(range, kernel)):
            met = x_g
            for axis, (m, window) in enumerate(zip(tap, windows), 2):
                met = met.index_select(axis, torch.tensor(window) + m * dilation)
            y = y + torch.einsum("bi...,oi->bo...", met, W.movedim((0, 1), (-2, -1))[tap])
        results.append(y)
    bias = state.get("bias", x.new_zeros(1))
    return torch.cat(results, 1) + bias.reshape(-1, *(1,) * len(kernel))


class _ParameterizedHypercomplexConv(Operator):
    """Abstract over the number of spatial axes."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        n: int = 4,
    ) -> None:
        super().__init__()
        self.settings = conv_settings(
            self.ndims[0], in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
            padding_mode,
        )  # fmt: skip
        self.n, shape = n, filters_shape(self.settings, n)
        self.algebra = nn.Parameter(torch.empty(n, n, n, device=device, dtype=dtype))
        self.filters = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.algebra)
        nn.init.xavier_uniform_(self.filters)
        if self.bias is not None:
            bound = self.settings.in_channels**-0.5
            nn.init.uniform_(self.bias, -bound, bound)

    def composed_weight(self) -> Tensor:
        """The kernel as it is convolved -> (O, I / groups, *kernel)."""
        return KroneckerSum(self.algebra, self.filters).weight(self.settings.groups)

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        batch = x if x.ndim == self.settings.ndim + 2 else x[None]
        y = self.settings.convolve(batch, self.composed_weight().to(x.dtype), self.bias)
        return y if x.ndim == y.ndim else y[0]

    @classmethod
    def from_conv(cls, conv: TorchConv, n: int = 4) -> Self:
        """The nearest in least squares; exact for n = 1 and for a weight that is a sum of n such products."""
        made = cls(**constructor_arguments(conv), n=n)
        nearest = nearest_kronecker_sum(conv.weight.detach(), n, conv.groups)
        with torch.no_grad():
            made.algebra.copy_(nearest.algebra)
            made.filters.copy_(nearest.filters)
            if made.bias is not None and conv.bias is not None:
                made.bias.copy_(conv.bias)
        return made

    def to_conv(self) -> TorchConv:
        """torch's layer that computes the same, with the weight written out."""
        return self.settings.layer(self.composed_weight(), self.bias)

    def cost(self, shape: Shape) -> Cost:
        n = self.n
        return self.settings.cost(shape) + matmul_cost(n * n, n, self.filters.numel() // n)

    def extra_repr(self) -> str:
        return f"{self.settings}, bias={self.bias is not None}, n={self.n}"


@final
class ParameterizedHypercomplexConv1d(_ParameterizedHypercomplexConv):
    ndims = (1,)


@final
class ParameterizedHypercomplexConv2d(_ParameterizedHypercomplexConv):
    ndims = (2,)


@final
class ParameterizedHypercomplexConv3d(_ParameterizedHypercomplexConv):
    ndims = (3,)


BY_NDIM: dict[int, type[_ParameterizedHypercomplexConv]] = {
    1: ParameterizedHypercomplexConv1d,
    2: ParameterizedHypercomplexConv2d,
    3: ParameterizedHypercomplexConv3d,
}


def _mixer(channels: int, spatial: Shape) -> Operator:
    n = next(n for n in (4, 2, 1) if channels % n == 0)
    return BY_NDIM[len(spatial)](channels, channels, 3, padding=1, n=n)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Grassucci, Zhang and Comminiello",
            2021,
            "PHNNs: Lightweight Neural Networks via Parameterized Hypercomplex Convolutions",
            "https://arxiv.org/abs/2110.04176",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case(
            (2, 4, 9),
            lambda: ParameterizedHypercomplexConv1d(4, 6, 3, 2, 1, n=2),
            {"stride": 2, "padding": 1},
        ),
        Case((1, 4, 4, 5), lambda: ParameterizedHypercomplexConv2d(4, 4, (3, 2), bias=False), {}),
        Case(
            (2, 4, 5, 4),
            lambda: ParameterizedHypercomplexConv2d(
                4, 8, 3, padding="same", groups=2, padding_mode="circular", n=2
            ),
            {"padding": 1, "groups": 2, "mode": "circular"},
        ),
        Case(
            (2, 3, 3, 4, 3),
            lambda: ParameterizedHypercomplexConv3d(3, 3, 2, dilation=2, n=3),
            {"dilation": 2},
        ),
    ),
    refuses=(
        BadInput((2, 5, 6, 6), lambda: ParameterizedHypercomplexConv2d(4, 4, 3), says="C = 4"),
        BadInput((2, 4, 6), lambda: ParameterizedHypercomplexConv2d(4, 4, 3), says="(C, H, W)"),
        BadInput((2, 4, 6, 6), lambda: ParameterizedHypercomplexConv2d(4, 6, 3), says="n = 4"),
    ),
    mixer=_mixer,
)
