r"""Dilated convolution with learnable spacings: few weights, each with a position learnt between the samples.

    y = w' * x + b,   w'[o, i, m] = sum_n weight[o, i, n] share(m - K // 2 - position[:, o, i, n])

share spreads a point over the samples of a dense kernel of kernel_size = K samples per axis, as the
version says; it is a product over the axes. With linear interpolation (V0) it is max(0, 1 - |u|); V1
divides that by its sum on the grid, MAX widens it to max(0, 1 + |spread| - |u|), GAUSS (the default) is
exp(-u^2 / (2 (0.27 + |spread|)^2)), both with a learnt spread for each point and divided by their sum.
Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial); weight (O, I / groups, points), position and
spread (ndim, O, I / groups, points).

After each step of an optimiser call `clamp_parameters`, which keeps positions within K // 2 of the
middle. Positions usually get a higher learning rate and no weight decay, and blocks of one stage share
them (assign the same Parameter). A point of V0 and V1 feels its two neighbouring samples only: it does
not find its way over longer distances, wide Gaussians do. `dilation` stretches the dense kernel.
MAX starts from a small spread, since at the published start of 0 its slope is zero for good.
"""

from itertools import product
from typing import Any, final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.operators.spatial.dcls_kernel import DclsVersion, dcls_kernel
from circulant.operators.spatial.dcls_layer import DclsNd

EXPORTS = (DclsVersion, dcls_kernel)

MIXER_KERNEL, MIXER_POINTS = 17, 26  # as published in place of ConvNeXt's 7x7


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    kernel_size: tuple[int, ...],
    version: str = "gauss",
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    weight, position = state["weight"], state["position"]
    spatial, O, I = x.shape[2:], weight.shape[0], weight.shape[1]
    taps = list(product(*map(range, kernel_size)))
    shares = []
    for tap in taps:
        share = torch.ones_like(weight)
        for axis, m in enumerate(tap):
            u = (m - kernel_size[axis] // 2 - position[axis]).abs()
            if version == "gauss":
                share = share * torch.exp(-(u**2) / (2 * (0.27 + state["spread"][axis].abs()) ** 2))
            else:
                width = 1 + state["spread"][axis].abs() if version == "max" else 1
                share = share * (width - u).clamp(min=0)
        shares.append(share)
    total = 1 if version == "v0" else sum(shares) + 1e-7
    out = [(n + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(spatial, kernel_size)]
    outer = x.new_zeros(*x.shape[:2], *(n + 2 * padding for n in spatial))
    inside: Any = (..., *(slice(padding, padding + n) for n in spatial))
    outer[inside] = x
    y = x.new_zeros(x.shape[0], O, *out) + state["bias"].view(-1, *(1,) * len(out))
    for tap, share in zip(taps, shares):
        starts = [dilation * m for m in tap]
        met: Any = (..., *(slice(s, s + stride * (n - 1) + 1, stride) for s, n in zip(starts, out)))
        value = (weight * share / total).sum(-1)
        for o in range(O):
            for i in range(I):
                y[:, o] += value[o, i] * outer[met][:, o // (O // groups) * I + i]
    return y


@final
class Dcls1d(DclsNd):
    ndims = (1,)


@final
class Dcls2d(DclsNd):
    ndims = (2,)


@final
class Dcls3d(DclsNd):
    ndims = (3,)


BY_NDIM: dict[int, type[DclsNd]] = {1: Dcls1d, 2: Dcls2d, 3: Dcls3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    build = BY_NDIM[len(spatial)]
    return build(channels, channels, MIXER_KERNEL, padding="same", groups=channels, points=MIXER_POINTS)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Khalfaoui-Hassani, Pellegrini and Masquelier",
            2021,
            "Dilated convolution with learnable spacings",
            "https://arxiv.org/abs/2112.03740",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case(
            (2, 4, 11),
            lambda: Dcls1d(4, 2, 7, 2, 3, groups=2, points=3),
            {"kernel_size": (7,), "stride": 2, "padding": 3, "groups": 2},
        ),
        Case(
            (1, 2, 5, 6),
            lambda: Dcls2d(2, 3, (5, 4), padding=2, points=2, version=DclsVersion.V0),
            {"kernel_size": (5, 4), "padding": 2, "version": "v0"},
        ),
        Case(
            (2, 2, 7, 6),
            lambda: Dcls2d(2, 2, 3, dilation=2, groups=2, points=4, version=DclsVersion.V1),
            {"kernel_size": (3, 3), "dilation": 2, "groups": 2, "version": "v1"},
        ),
        Case(
            (2, 1, 3, 4, 3),
            lambda: Dcls3d(1, 2, 3, padding=1, points=2, version=DclsVersion.MAX),
            {"kernel_size": (3, 3, 3), "padding": 1, "version": "max"},
        ),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: Dcls2d(3, 3, 5, points=2), says="C = 3"),
        BadInput((8, 8), lambda: Dcls2d(3, 3, 5, points=2), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 3, 8), lambda: Dcls1d(3, 3, 5, points=0), says="points of 1 or more"),
        BadInput((2, 3, 8), lambda: Dcls1d(3, 4, 5, groups=3, points=2), says="multiples of groups"),
    ),
    mixer=_mixer,
)
