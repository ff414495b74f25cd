r"""Convolution with a continuous kernel made of self-moving points, sampled on as many taps as wanted.

    y = w * x + b,   w[o, i, m] = sum_n weight[o, i, n] max(0, 1 - |m - position[:, n]|_1 / radius[n])

m runs over a grid of kernel_size samples from -1 to 1 along each axis. With PointForm.SHARED, the default
in two and three dimensions, all channels have the same points; with PointForm.AVERAGED, the default in
one, each output channel has its own, and the sum is divided by the number of points that reach m.
Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial); weight (O, I / groups, points), position
(G, ndim, points), radius (G, points), G = 1 or O.

`points` defaults to a quarter of the taps; the published 31 x 31 depthwise kernel has C N + 3 N parameters
then. Radii start at 4 / K. After each step of an optimiser call `clamp_parameters`. `kernel` samples the
function anew at other sizes, `self.points` at any places, such as irregular time stamps. Coordinates
follow the spatial axes; the authors' code turns the kernel of a picture by a quarter.
"""

from itertools import product as index_product
from math import prod
from typing import Any, Self, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import Sizes, TorchConv, constructor_arguments, conv_settings
from circulant.operators.spatial.smp_kernel import PointForm, SelfMovingPointKernel, grid

EXPORTS = (PointForm, SelfMovingPointKernel)

TAPS_PER_POINT = 4
FORMS = {1: PointForm.AVERAGED, 2: PointForm.SHARED, 3: PointForm.SHARED}


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    kernel_size: tuple[int, ...],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    averaged: bool = False,
) -> Tensor:
    weight, position, radius = (state[f"points.{name}"] for name in ("weight", "position", "radius"))
    O, I, _ = weight.shape
    spatial = x.shape[2:]
    out = [(n + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(spatial, kernel_size)]
    outer = x.new_zeros(*x.shape[:2], *(n + 2 * padding for n in spatial))
    inside: Any = (..., *(slice(padding, padding + n) for n in spatial))
    outer[inside] = x
    y = x.new_zeros(x.shape[0], O, *out) + state["bias"].view(-1, *(1,) * len(out))
    for tap in index_product(*map(range, kernel_size)):
        starts = [dilation * m for m in tap]
        met: Any = (..., *(slice(s, s + stride * (n - 1) + 1, stride) for s, n in zip(starts, out)))
        for o in range(O):
            owner = min(o, len(position) - 1)
            distance = torch.zeros_like(radius[owner])
            for axis, (m, size) in enumerate(zip(tap, kernel_size)):
                at = 2 * m / (size - 1) - 1 if size > 1 else 0
                distance = distance + (at - position[owner, axis]).abs()
            share = (1 - distance / radius[owner]).clamp(min=0)
            if averaged:
                share = share / (int((share > 0).sum()) + 1e-6)
            for i in range(I):
                y[:, o] += (weight[o, i] * share).sum() * outer[met][:, o // (O // groups) * I + i]
    return y


class SMPConvNd(Operator):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's."""

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
        points: int | None = None,
        form: PointForm | None = None,
    ) -> None:
        """points None: a quarter of the taps; form None: the published one."""
        super().__init__()
        self.settings = conv_settings(
            self.ndims[0], in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
            padding_mode,
        )  # fmt: skip
        taps = self.settings.kernel
        self.points = SelfMovingPointKernel(
            len(taps), in_channels // groups, out_channels,
            max(1, prod(taps) // TAPS_PER_POINT) if points is None else points,
            radius=4 / max(taps), form=FORMS[len(taps)] if form is None else form, device=device, dtype=dtype,
        )  # fmt: skip
        self.bias = nn.Parameter(torch.zeros(out_channels, device=device, dtype=dtype)) if bias else None

    def clamp_parameters(self) -> None:
        self.points.clamp_parameters()

    def kernel(self, sizes: Shape | None = None) -> Tensor:
        """Sampled on kernel_size taps, or on others -> (O, I / groups, *sizes)."""
        return self.points.on_grid(self.settings.kernel if sizes is None else sizes)

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        return self.settings.convolve(x, self.kernel(), self.bias)

    @classmethod
    def from_conv(cls, conv: TorchConv) -> Self:
        """The same function, with a shared point on each tap that reaches to the next, free to move."""
        taps = tuple(conv.kernel_size)
        new = cls(**constructor_arguments(conv), points=prod(taps), form=PointForm.SHARED)
        with torch.no_grad():
            new.points.weight.copy_(conv.weight.flatten(2))
            new.points.position.copy_(grid(taps, new.points.position)[None])
            new.points.radius.fill_(2 / max(max(taps) - 1, 2))
            if new.bias is not None and conv.bias is not None:
                new.bias.copy_(conv.bias)
        return new

    def to_conv(self) -> TorchConv:
        """torch's own layer with the sampled kernel."""
        return self.settings.layer(self.kernel(), self.bias)

    def cost(self, shape: Shape) -> Cost:
        return self.settings.cost(shape) + self.points.cost(self.settings.kernel)

    def extra_repr(self) -> str:
        return f"{self.settings}, points={self.points.weight.shape[-1]}, form={self.points.form.name}"


@final
class SMPConv1d(SMPConvNd):
    ndims = (1,)


@final
class SMPConv2d(SMPConvNd):
    ndims = (2,)


@final
class SMPConv3d(SMPConvNd):
    ndims = (3,)


BY_NDIM: dict[int, type[SMPConvNd]] = {1: SMPConv1d, 2: SMPConv2d, 3: SMPConv3d}
MIXER_KERNEL = {1: 31, 2: 13, 3: 7}


def _mixer(channels: int, spatial: Shape) -> Operator:
    ndim = len(spatial)
    return BY_NDIM[ndim](channels, channels, MIXER_KERNEL[ndim], padding="same", groups=channels)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Kim and Park",
            2023,
            "SMPConv: Self-moving Point Representations for Continuous Convolution",
            "https://arxiv.org/abs/2304.02330",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case(
            (2, 4, 11),
            lambda: SMPConv1d(4, 2, 7, 2, 3, groups=2, points=5),
            {"kernel_size": (7,), "stride": 2, "padding": 3, "groups": 2, "averaged": True},
        ),
        Case(
            (1, 2, 5, 6),
            lambda: SMPConv2d(2, 2, (5, 4), padding=2, groups=2, points=4),
            {"kernel_size": (5, 4), "padding": 2, "groups": 2},
        ),
        Case(
            (2, 1, 7, 6),
            lambda: SMPConv2d(1, 2, 3, dilation=2, form=PointForm.AVERAGED),
            {"kernel_size": (3, 3), "dilation": 2, "averaged": True},
        ),
        Case(
            (1, 1, 3, 4, 3),
            lambda: SMPConv3d(1, 2, 3, padding=1),
            {"kernel_size": (3, 3, 3), "padding": 1},
        ),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: SMPConv2d(3, 3, 5), says="C = 3"),
        BadInput((2, 3, 8, 8), lambda: SMPConv2d(3, 3, 5, points=0), says="1 point or more"),
        BadInput((2, 3, 8), lambda: SMPConv1d(3, 4, 5, groups=3), says="multiples of groups"),
    ),
    mixer=_mixer,
)
