r"""Convolution whose trained kernel is spread at inference, for inputs larger than those it was trained on.

    y = resize(weight *_n resize(x, n / d) + bias, size),   n = ceil(d)

*_n is convolution with the kernel dilated n times and n times the padding.
Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial), as from torch.nn.ConvNd where padding keeps the size.

d is `factor`. An integer one is a dilation alone. A fractional one stretches x by n / d, (bi-, tri-)linearly
with corners not aligned, and brings y to the size that a dilation by d would leave. 1 is the plain layer.

On an input of which each sample was repeated d times, d an integer, every d-th output is the plain layer's on
the input before. A diffusion model that draws pictures larger than it was trained for spreads more in its
inner layers and less at later steps (`decayed_factor`); `optimise.redilate` rewrites it.
`dispersed_kernel` puts a larger kernel in the place of a small one, so that less dilation is needed.

Deviations: the published code always pads by the dilation times (K - 1) / 2; here the layer's own padding is
multiplied, which is the same for layers that keep the size. It gives floor(H / stride) rows even where H is
odd; here they are as many as torch's layer gives.
"""

from math import ceil
from typing import Any, final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.operators.spatial.dispersed_kernel import dispersed_kernel, dispersion
from circulant.operators.spatial.re_dilated_layer import ReDilatedConvNd


def decayed_factor(factor: float, step: int, steps: int) -> float:
    """The factor at that step of a progressive schedule: it falls to 2, and is 1 from `steps` steps on."""
    return float(max(ceil(factor * (steps - step) / steps), 2)) if step < steps else 1.0


EXPORTS = (decayed_factor, dispersed_kernel, dispersion)


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    factor: float = 1.0,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
) -> Tensor:
    weight, n = state["weight"], ceil(factor)
    spatial, taps = x.shape[2:], weight.shape[2:]
    left = [
        (size - 1 + int(factor * (2 * padding - k + 1) // 1)) // stride + 1 for size, k in zip(spatial, taps)
    ]
    for axis, size in enumerate(spatial, 2):
        x = _stretched(x, axis, int(size * n / factor + 0.5))
    outer = x.new_zeros(*x.shape[:2], *(size + 2 * n * padding for size in x.shape[2:]))
    inside: Any = (..., *(slice(n * padding, n * padding + size) for size in x.shape[2:]))
    outer[inside] = x
    out = [(size - n * (k - 1) - 1) // stride + 1 for size, k in zip(outer.shape[2:], taps)]
    y = x.new_zeros(len(x), len(weight), *out) + state["bias"].view(-1, *(1,) * len(out))
    for o in range(len(weight)):
        for i in range(weight.shape[1]):
            for tap in torch.cartesian_prod(*map(torch.arange, taps)).view(-1, len(taps)).tolist():
                ends = [n * m + stride * (size - 1) + 1 for m, size in zip(tap, out)]
                met: Any = tuple(slice(n * m, end, stride) for m, end in zip(tap, ends))
                first = o // (len(weight) // groups) * weight.shape[1]
                y[:, o] += weight[(o, i, *tap)] * outer[(slice(None), first + i, *met)]
    for axis, size in enumerate(left, 2):
        y = _stretched(y, axis, size)
    return y


def _stretched(x: Tensor, axis: int, size: int) -> Tensor:
    """Linear interpolation along one axis to that many samples."""
    old = x.shape[axis]
    place = ((torch.arange(size).to(x) + 0.5) * old / size - 0.5).clamp(min=0)
    below = place.floor().long().clamp(max=old - 1)
    share = (place - below).view(-1, *(1,) * (x.ndim - axis - 1))
    above = (below + 1).clamp(max=old - 1)
    return (1 - share) * x.index_select(axis, below) + share * x.index_select(axis, above)


@final
class ReDilatedConv1d(ReDilatedConvNd):
    ndims = (1,)


@final
class ReDilatedConv2d(ReDilatedConvNd):
    ndims = (2,)


@final
class ReDilatedConv3d(ReDilatedConvNd):
    ndims = (3,)


RE_DILATED: dict[int, type[ReDilatedConvNd]] = {1: ReDilatedConv1d, 2: ReDilatedConv2d, 3: ReDilatedConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return RE_DILATED[len(spatial)](channels, channels, 3, padding=1, factor=1.5)


CARD = Card(
    operators=tuple(RE_DILATED.values()),
    reference=reference,
    papers=(
        Paper(
            "He, Yang, Chen, Cun, Xia, Zhang, Wang, He, Chen and Shan",
            2023,
            "ScaleCrafter: Tuning-free Higher-Resolution Visual Generation with Diffusion Models",
            "https://arxiv.org/abs/2310.07702",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case(
            (2, 2, 6, 5),
            lambda: ReDilatedConv2d(2, 3, 3, padding=1, factor=1.5),
            {"factor": 1.5, "padding": 1},
        ),
        Case(
            (1, 4, 7, 6),
            lambda: ReDilatedConv2d(4, 2, 3, 2, 1, groups=2, factor=2),
            {"factor": 2, "stride": 2, "padding": 1, "groups": 2},
        ),
        Case((2, 2, 11), lambda: ReDilatedConv1d(2, 2, 4, 2, factor=2.25), {"factor": 2.25, "stride": 2}),
        Case(
            (1, 1, 4, 3, 4),
            lambda: ReDilatedConv3d(1, 2, 3, padding=1, factor=1.25),
            {"factor": 1.25, "padding": 1},
        ),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: ReDilatedConv2d(3, 3, 3, factor=2), says="C = 3"),
        BadInput((8, 8), lambda: ReDilatedConv2d(3, 3, 3, factor=2), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 3, 8), lambda: ReDilatedConv1d(3, 3, 3, factor=0.5), says="a factor of 1 or more"),
    ),
    mixer=_mixer,
)
