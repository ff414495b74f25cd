r"""Convolution whose kernels are sums of outer products of one-way filters, written so before training.

    y[b, o] = bias[o] + sum_i W[o, i] * x[b, i],   W[o, i] = sum_r f_1[o, i, r] (x) .. (x) f_d[o, i, r]

Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial); f_a (O, I / groups, rank, k_a), the parameters:
rank (k_1 + .. + k_d) for each pair of channels instead of k_1 .. k_d. That is fewer only for a rank below
k^(d - 1) / d: rank 1 for 3x3, rank up to 2 for 5x5, up to 2 for 3x3x3.

Each term is a succession of 1-D convolutions, one along each axis. Run so, every pair of channels and every
term has a picture of its own in memory; here the kernels are composed, which costs next to nothing, and one
planned convolution runs. In two dimensions rank k holds every kernel, and `from_conv` takes the nearest of a
lower rank by singular values; in three dimensions it improves nested singular vectors by least squares.
"""

from typing import Self, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape, product
from circulant.engine.conv_settings import Sizes, TorchConv, constructor_arguments, conv_settings
from circulant.operators.spatial.outer_products import composed, outer_products

SWEEPS = 50  # of least squares, for kernels in three dimensions


def reference(
    x: Tensor, state: dict[str, Tensor], stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> Tensor:
    """By successive 1-D convolutions of every pair of channels and every term."""
    ndim = x.ndim - 2
    factors = [state[f"factors.{axis}"] for axis in range(ndim)]
    O, I, rank = factors[0].shape[:3]
    planes = []
    for o in range(O):
        terms = []
        for i in range(I):
            for r in range(rank):
                plane = x[:, o // (O // groups) * I + i]
                for axis, factor in enumerate(factors, 1):
                    plane = _along(plane, axis, factor[o, i, r], stride, padding, dilation)
                terms.append(plane)
        planes.append(torch.stack(terms).sum(0))
    y = torch.stack(planes, 1)
    return y + state["bias"].view(-1, *(1,) * ndim) if "bias" in state else y


def _along(x: Tensor, axis: int, taps: Tensor, stride: int, padding: int, dilation: int) -> Tensor:
    shape = list(x.shape)
    shape[axis] = padding
    outer = torch.cat([x.new_zeros(shape), x, x.new_zeros(shape)], axis)
    out = (outer.shape[axis] - dilation * (len(taps) - 1) - 1) // stride + 1
    places = [torch.arange(out) * stride + dilation * m for m in range(len(taps))]
    return torch.stack([tap * outer.index_select(axis, p) for tap, p in zip(taps, places)]).sum(0)


class OneWayConvNd(Operator):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's; `rank` terms per kernel."""

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
        rank: int = 1,
    ) -> None:
        super().__init__()
        if rank < 1:
            raise ArgumentError(f"expected a rank of 1 or more, got {rank}")
        self.settings = conv_settings(
            self.ndims[0], in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
            padding_mode,
        )  # fmt: skip
        pairs = self.settings.weight_shape[:2]
        self.rank = rank
        self.factors = nn.ParameterList(
            torch.empty(*pairs, rank, k, device=device, dtype=dtype) for k in self.settings.kernel
        )
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Composed kernels with the variance of torch's."""
        fan_in = product(self.settings.weight_shape[1:])
        variance = (1 / (3 * fan_in * self.rank)) ** (1 / self.settings.ndim)
        for factor in self.factors:
            nn.init.uniform_(factor, -((3 * variance) ** 0.5), (3 * variance) ** 0.5)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -(fan_in**-0.5), fan_in**-0.5)

    def kernel(self) -> Tensor:
        """The dense kernel -> (O, I / groups, *kernel_size)."""
        return composed(list(self.factors))

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        return self.settings.convolve(x, self.kernel(), self.bias)

    @classmethod
    def from_conv(cls, conv: TorchConv, *, rank: int, sweeps: int = SWEEPS) -> Self:
        """With the kernels of that rank nearest to the layer's."""
        new = cls(**constructor_arguments(conv), rank=rank)
        with torch.no_grad():
            for factor, found in zip(new.factors, outer_products(conv.weight, rank, cls.ndims[0], sweeps)):
                factor.copy_(found)
            if new.bias is not None and conv.bias is not None:
                new.bias.copy_(conv.bias)
        return new

    def to_conv(self) -> TorchConv:
        """torch's own layer with the composed kernel."""
        return self.settings.layer(self.kernel(), self.bias)

    def cost(self, shape: Shape) -> Cost:
        O, I, *kernel = self.settings.weight_shape
        composing = matmul_cost(product(kernel[:-1]), self.rank, kernel[-1]) * (O * I)
        return self.settings.cost(shape) + composing

    def extra_repr(self) -> str:
        return f"{self.settings}, rank={self.rank}"


@final
class OneWayConv2d(OneWayConvNd):
    ndims = (2,)


@final
class OneWayConv3d(OneWayConvNd):
    ndims = (3,)


ONE_WAY: dict[int, type[OneWayConvNd]] = {2: OneWayConv2d, 3: OneWayConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return ONE_WAY[len(spatial)](channels, channels, 5, padding="same", rank=2)


CARD = Card(
    operators=tuple(ONE_WAY.values()),
    reference=reference,
    papers=(
        Paper(
            "Boukraichi, Akkari, Casenave and Ryckelynck",
            2023,
            "A priori compression of convolutional neural networks for wave simulators",
            "https://arxiv.org/abs/2304.04964",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case((2, 2, 6, 5), lambda: OneWayConv2d(2, 3, 3, padding=1, rank=2), {"padding": 1}),
        Case(
            (1, 4, 7, 6),
            lambda: OneWayConv2d(4, 2, (3, 2), 2, 1, 2, groups=2, bias=False),
            {"stride": 2, "padding": 1, "dilation": 2, "groups": 2},
        ),
        Case((1, 2, 3, 4, 3), lambda: OneWayConv3d(2, 2, (2, 3, 2), padding=1, rank=2), {"padding": 1}),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: OneWayConv2d(3, 3, 3), says="C = 3"),
        BadInput((8, 8), lambda: OneWayConv2d(3, 3, 3), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: OneWayConv2d(3, 3, 3, rank=0), says="a rank of 1 or more"),
    ),
    mixer=_mixer,
)
