r"""Partial convolution: a dense kernel for the first channels, and all others pass as they are.

    y = concat(w * x_0, x_1),   x_0 the first c = C // divisor channels, x_1 the rest

w (c, c, *kernel) has no bias; zeros lie around the input. Shapes: x (B, C, *spatial) -> y (B, C, *spatial).

With a pointwise convolution behind it, the receptive field is a T: dense in the middle, thin around it. At
divisor 4 the arithmetic is 1/16 of a dense convolution's and the traffic about 1/4. Nothing reorders the
channels: those that pass here pass in every such layer of a network. The whole is one dense convolution,
most of whose kernel is an identity (`to_conv`). Of the two forms, which are equal, concatenation writes
every channel once; slicing writes into a copy of x.
"""

from enum import Enum
from math import sqrt
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import TorchConv, conv_settings


@final
class PartialForm(Enum):
    """How the two parts meet."""

    CONCATENATE = "concatenate"
    SLICE = "slice"


EXPORTS = (PartialForm,)


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    weight, spatial = state["weight"], x.shape[2:]
    c, reach = weight.shape[0], weight.shape[2] // 2
    padded = x.new_zeros(x.shape[0], c, *(n + 2 * reach for n in spatial))
    inside: Any = (..., *(slice(reach, reach + n) for n in spatial))
    padded[inside] = x[:, :c]
    total = torch.zeros_like(x[:, :c])
    for tap in torch.cartesian_prod(*(torch.arange(k) for k in weight.shape[2:])).view(-1, len(spatial)):
        met: Any = (..., *(slice(m, m + n) for m, n in zip(tap.tolist(), spatial)))
        kernel = weight[(slice(None), slice(None), *tap.tolist())]
        total = total + torch.einsum("oi,bi...->bo...", kernel, padded[met])
    return torch.cat((total, x[:, c:]), 1)


class _PartialConv(Operator):
    """Abstract over the number of spatial axes."""

    def __init__(
        self,
        channels: int,
        kernel_size: int = 3,
        divisor: int = 4,
        *,
        form: PartialForm = PartialForm.CONCATENATE,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        if not 1 <= divisor <= channels:
            raise ArgumentError(f"expected divisor from 1 to channels = {channels}, got {divisor}")
        c = channels // divisor
        self.channels, self.form = channels, form
        self.settings = conv_settings(self.ndims[0], c, c, kernel_size, padding="same")
        self.weight = nn.Parameter(torch.empty(self.settings.weight_shape, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch's convolutions."""
        bound = 1 / sqrt(self.weight[0].numel())
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        c = self.settings.in_channels
        convolved = self.settings.convolve(x[:, :c], self.weight, None)
        if self.form is PartialForm.SLICE:
            return x.slice_scatter(convolved.to(x.dtype), 1, 0, c)
        return torch.cat((convolved, x[:, c:]), 1)

    @torch.no_grad()
    def to_conv(self) -> TorchConv:
        """torch's own dense layer: this kernel for the first channels, an identity for the others."""
        C, c, size = self.channels, self.settings.in_channels, self.settings.kernel
        dense = nn.init.dirac_(self.weight.new_empty(C, C, *size))
        dense[:c].zero_()
        dense[:c, :c] = self.weight
        return conv_settings(len(size), C, C, size, padding="same").layer(dense, None)

    def cost(self, shape: Shape) -> Cost:
        """The channels that pass are not counted: a layer behind may read them where they are."""
        return self.settings.cost((shape[0], self.settings.in_channels, *shape[2:]))

    def extra_repr(self) -> str:
        return f"{self.channels}, {self.settings}, form={self.form.name}"


@final
class PartialConv1d(_PartialConv):
    ndims = (1,)


@final
class PartialConv2d(_PartialConv):
    ndims = (2,)


@final
class PartialConv3d(_PartialConv):
    ndims = (3,)


BY_NDIM: dict[int, type[_PartialConv]] = {1: PartialConv1d, 2: PartialConv2d, 3: PartialConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels)


CARD = Card(
    operators=(PartialConv2d, PartialConv1d, PartialConv3d),
    reference=reference,
    papers=(
        Paper(
            "Chen, Kao, He, Zhuo, Wen, Lee and Chan",
            2023,
            "Run, Don't Walk: Chasing Higher FLOPS for Faster Neural Networks",
            "https://arxiv.org/abs/2303.03667",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case((2, 8, 4, 5), lambda: PartialConv2d(8)),
        Case((2, 5, 3, 4), lambda: PartialConv2d(5, 5, 2, form=PartialForm.SLICE)),
        Case((2, 4, 9), lambda: PartialConv1d(4)),
        Case((1, 6, 3, 2, 4), lambda: PartialConv3d(6, divisor=3)),
    ),
    refuses=(
        BadInput((2, 9, 4, 4), lambda: PartialConv2d(8), says="C = 8"),
        BadInput((8, 4, 4), lambda: PartialConv2d(8), says="(B, C, H, W)"),
        BadInput((2, 8, 4, 4), lambda: PartialConv2d(8, 4), says="odd kernel_size"),
        BadInput((2, 3, 4, 4), lambda: PartialConv2d(3), says="divisor from 1 to channels = 3"),
    ),
    mixer=_mixer,
)
