r"""Atrous convolution: taps that lie `rate` samples apart see further at the price of as many taps.

    y[o, n] = b[o] + sum_{i, m} w[o, i, m] x[i, n + r m - padding]

Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial); w (O, I / groups, *kernel_size), r the rate.

With the default padding "same" the grid stays. A network that lost resolution by striding gets it back when
the stride of a layer becomes 1 and the rate of all later ones grows by it: `from_conv` keeps the weights.
`upsampled_kernel` is the dense kernel with holes (trous) that this convolution never multiplies by.
"""

from itertools import product as combinations
from math import sqrt
from typing import Any, Self, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape, effective_kernel
from circulant.engine.conv_settings import Sizes, TorchConv, constructor_arguments, conv_settings


def reference(
    x: Tensor, state: dict[str, Tensor], rate: int, before: int, groups: int = 1, stride: int = 1
) -> Tensor:
    weight = state["weight"]
    spatial, kernel, (O, width) = x.shape[2:], weight.shape[2:], weight.shape[:2]
    out = [(n + 2 * before - rate * (k - 1) - 1) // stride + 1 for n, k in zip(spatial, kernel)]
    y = x.new_zeros(x.shape[0], O, *out) + state["bias"].view(-1, *(1,) * len(out))
    for place in combinations(range(O), *map(range, out)):
        first = place[0] // (O // groups) * width
        total = torch.zeros_like(x[:, 0].flatten(1)[:, 0])
        for number, tap in enumerate(combinations(*map(range, kernel))):
            at = [stride * n + rate * m - before for n, m in zip(place[1:], tap)]
            if all(0 <= n < size for n, size in zip(at, spatial)):
                met: Any = (slice(None), slice(first, first + width), *at)
                total = total + x[met] @ weight[place[0]].flatten(1)[:, number]
        here: Any = (slice(None), *place)
        y[here] += total
    return y


class AtrousConvNd(Operator):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's, its dilation named rate."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = "same",
        rate: Sizes = 2,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.settings = conv_settings(
            self.ndims[0], in_channels, out_channels, kernel_size, stride, padding, rate, groups, padding_mode
        )
        self.weight = nn.Parameter(torch.empty(self.settings.weight_shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch's convolutions."""
        bound = 1 / sqrt(self.weight[0].numel())
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        return self.settings.convolve(x, self.weight, self.bias)

    def upsampled_kernel(self) -> Tensor:
        """With rate - 1 zeros between taps: (O, I / groups, *effective kernel)."""
        given = self.settings
        reach = map(effective_kernel, given.kernel, given.dilation)
        dense = self.weight.new_zeros(*given.weight_shape[:2], *reach)
        taps: Any = (..., *(slice(None, None, rate) for rate in given.dilation))
        dense[taps] = self.weight
        return dense

    @classmethod
    def from_conv(cls, conv: TorchConv, rate: int) -> Self:
        """The same weights at stride 1, all taps `rate` times as far apart, on the grid of x."""
        told = constructor_arguments(conv)
        dilation = told.pop("dilation")
        if rate < 1:
            raise ArgumentError(f"expected a rate of 1 or more, got {rate}")
        new = cls(**{**told, "stride": 1, "padding": "same"}, rate=tuple(rate * d for d in dilation))
        new.load_state_dict(conv.state_dict())
        return new

    def to_conv(self) -> TorchConv:
        """torch's own layer with a copy of the weights."""
        return self.settings.layer(self.weight, self.bias)

    def cost(self, shape: Shape) -> Cost:
        return self.settings.cost(shape)

    def extra_repr(self) -> str:
        return str(self.settings)


@final
class AtrousConv1d(AtrousConvNd):
    ndims = (1,)


@final
class AtrousConv2d(AtrousConvNd):
    ndims = (2,)


@final
class AtrousConv3d(AtrousConvNd):
    ndims = (3,)


BY_NDIM: dict[int, type[AtrousConvNd]] = {1: AtrousConv1d, 2: AtrousConv2d, 3: AtrousConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels, channels, 3)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Chen, Papandreou, Kokkinos, Murphy and Yuille",
            2016,
            "DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution, and "
            "Fully Connected CRFs",
            "https://arxiv.org/abs/1606.00915",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case(
            (2, 4, 9), lambda: AtrousConv1d(4, 2, 3, rate=3, groups=2), {"rate": 3, "before": 3, "groups": 2}
        ),
        Case((1, 2, 5, 4), lambda: AtrousConv2d(2, 3, 3), {"rate": 2, "before": 2}),
        Case((2, 1, 6, 5), lambda: AtrousConv2d(1, 2, 2, 2, 1, 3), {"rate": 3, "before": 1, "stride": 2}),
        Case((1, 2, 3, 4, 3), lambda: AtrousConv3d(2, 1, 2, padding=1, rate=2), {"rate": 2, "before": 1}),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: AtrousConv2d(3, 3, 3), says="C = 3"),
        BadInput((8, 8), lambda: AtrousConv2d(3, 3, 3), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 3, 8), lambda: AtrousConv1d(3, 3, 3, rate=0), says="dilation of 1 or more"),
    ),
    mixer=_mixer,
)
