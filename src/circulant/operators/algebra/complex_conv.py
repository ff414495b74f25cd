r"""Complex convolution on pairs of real channel blocks: first all real parts, then all imaginary parts.

    y = conv(u, A) - conv(v, B) + i (conv(u, B) + conv(v, A)) + b   for x = u + i v and the weight A + i B

Shapes: x (B, 2I, *spatial) -> y (B, 2O, *output_spatial); weight (2, O, I / groups, *kernel) with A first,
bias (2, O). in_channels I and out_channels O count complex channels, as in a torch layer of complex dtype.

gauss=True takes three real convolutions instead of four: conv(u + v, A), conv(u, B - A), conv(v, A + B); it
rounds a little more. The published layer adds both parts of the bias to each of its real convolutions, which
amounts to (br - bi) + i (br + bi); here the bias is br + i bi.
"""

from dataclasses import replace
from itertools import product
from math import prod
from typing import Self, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import Sizes, TorchConv, constructor_arguments, conv_settings
from circulant.operators.algebra.complex_product import four_products, three_products


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    mode: str = "constant",
) -> Tensor:
    w = torch.complex(*state["weight"])
    kernel = w.shape[2:]
    z = torch.complex(*F.pad(x, (padding, padding) * len(kernel), mode=mode).chunk(2, 1))
    windows = [range(0, L - dilation * (k - 1), stride) for L, k in zip(z.shape[2:], kernel)]
    results = []
    for z_g, w_g in zip(z.chunk(groups, 1), w.chunk(groups, 0)):
        y = z.new_zeros(len(z), len(w_g), *map(len, windows))
        for tap in product(*map(range, kernel)):
            met = z_g
            for axis, (m, window) in enumerate(zip(tap, windows), 2):
                met = met.index_select(axis, torch.tensor(window) + m * dilation)
            y = y + torch.einsum("bi...,oi->bo...", met, w_g.movedim((0, 1), (-2, -1))[tap])
        results.append(y)
    total = torch.cat(results, 1)
    if "bias" in state:
        total = total + torch.complex(*state["bias"]).reshape(-1, *(1,) * len(kernel))
    return torch.cat((total.real, total.imag), 1)


class _ComplexConv(Operator):
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
        gauss: bool = False,
    ) -> None:
        super().__init__()
        self.gauss = gauss
        self.settings = conv_settings(
            self.ndims[0], in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
            padding_mode,
        )  # fmt: skip
        shape = (2, *self.settings.weight_shape)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(2, out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Each part as torch.nn.ConvNd starts: uniform within 1 / sqrt(fan-in)."""
        bound = prod(self.settings.weight_shape[1:]) ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        replace(self.settings, in_channels=2 * self.settings.in_channels).require_input(x)
        batch = x if x.ndim == self.settings.ndim + 2 else x[None]
        multiply = three_products if self.gauss else four_products
        y = multiply(self._convolve, batch, self.weight)
        if self.bias is not None:
            y = y + self.bias.view(-1, *(1,) * self.settings.ndim).to(y.dtype)
        return y if x.ndim == y.ndim else y[0]

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        return self.settings.convolve(x, weight, None)

    @classmethod
    def from_conv(cls, conv: TorchConv, *, gauss: bool = False) -> Self:
        """Of a torch layer of complex dtype; of a real one, with zero imaginary parts."""
        made = cls(**{**constructor_arguments(conv), "dtype": conv.weight.real.dtype}, gauss=gauss)
        with torch.no_grad():
            made.weight.copy_(torch.view_as_real(conv.weight + 0j).movedim(-1, 0))
            if made.bias is not None and conv.bias is not None:
                made.bias.copy_(torch.view_as_real(conv.bias + 0j).movedim(-1, 0))
        return made

    def to_conv(self) -> TorchConv:
        """torch's layer of complex dtype that computes the same on u + i v."""
        bias = None if self.bias is None else torch.complex(*self.bias)
        return self.settings.layer(torch.complex(*self.weight), bias)

    def cost(self, shape: Shape) -> Cost:
        B, C, *spatial = shape
        return self.settings.cost((B, C // 2, *spatial)) * (3 if self.gauss else 4)

    def extra_repr(self) -> str:
        return f"{self.settings}, bias={self.bias is not None}, gauss={self.gauss}"


@final
class ComplexConv1d(_ComplexConv):
    ndims = (1,)


@final
class ComplexConv2d(_ComplexConv):
    ndims = (2,)


@final
class ComplexConv3d(_ComplexConv):
    ndims = (3,)


BY_NDIM: dict[int, type[_ComplexConv]] = {1: ComplexConv1d, 2: ComplexConv2d, 3: ComplexConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    if channels % 2:
        raise ArgumentError(f"expected an even number of channels, real and imaginary parts, got {channels}")
    return BY_NDIM[len(spatial)](channels // 2, channels // 2, 3, padding=1)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Chatterjee, Tummala, Speck and Nürnberger",
            2023,
            "Complex Network for Complex Problems: A comparative study of CNN and Complex-valued CNN",
            "https://arxiv.org/abs/2302.04584",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case((2, 4, 9), lambda: ComplexConv1d(2, 3, 3, 2, 1), {"stride": 2, "padding": 1}),
        Case((2, 4, 4, 5), lambda: ComplexConv2d(2, 2, (3, 2), bias=False, gauss=True), {}),
        Case(
            (1, 8, 4, 3),
            lambda: ComplexConv2d(4, 2, 3, padding="same", groups=2, padding_mode="circular"),
            {"padding": 1, "groups": 2, "mode": "circular"},
        ),
        Case((2, 2, 3, 4, 3), lambda: ComplexConv3d(1, 2, 2, dilation=2, gauss=True), {"dilation": 2}),
    ),
    refuses=(
        BadInput((2, 3, 6, 6), lambda: ComplexConv2d(3, 4, 3), says="C = 6"),
        BadInput((2, 6, 6), lambda: ComplexConv2d(3, 4, 3), says="(C, H, W)"),
        BadInput((2, 6, 6, 6), lambda: ComplexConv2d(3, 4, 3, groups=2), says="groups = 2"),
    ),
    mixer=_mixer,
)
