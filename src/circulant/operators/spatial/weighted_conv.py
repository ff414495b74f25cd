r"""Weighted convolution: every kernel is multiplied by one fixed density over its taps.

    y = (weight Phi) * x + b,   Phi[m] = prod_axis alpha[m_axis]
    alpha = (density_1, .., density_r, 1, density_r, .., density_1),   r = (K - 1) / 2

The density is given from the rim inwards; the middle counts 1, so that density = (1, ..) is torch's own
convolution. Kernels are odd and have the same size along each axis.
Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial); weight (O, I / groups, *kernel), density (r).

The density is a buffer, which `train.tune_density` searches for; there are as many parameters as without
it. With learn_density it is a parameter of each layer. `to_conv` folds it into the weight. As published
there is no bias unless asked for.
"""

from itertools import product
from typing import Any, final

from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.operators.spatial.weighted_conv_layer import WeightedConvNd


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    weight, density = state["weight"], state["density"]
    O, I, *kernel = weight.shape
    K, ndim = kernel[0], len(kernel)
    alpha = [density[min(m, K - 1 - m)] if m != K // 2 else density.new_ones(()) for m in range(K)]
    spatial = x.shape[2:]
    out = [(n + 2 * padding - dilation * (K - 1) - 1) // stride + 1 for n in spatial]
    outer = x.new_zeros(*x.shape[:2], *(n + 2 * padding for n in spatial))
    inside: Any = (..., *(slice(padding, padding + n) for n in spatial))
    outer[inside] = x
    y = x.new_zeros(x.shape[0], O, *out)
    for tap in product(range(K), repeat=ndim):
        phi = density.new_ones(())
        for m in tap:
            phi = phi * alpha[m]
        starts = [dilation * m for m in tap]
        met: Any = (..., *(slice(s, s + stride * (n - 1) + 1, stride) for s, n in zip(starts, out)))
        for o in range(O):
            for i in range(I):
                own: Any = (o, i, *tap)
                y[:, o] += phi * weight[own] * outer[met][:, o // (O // groups) * I + i]
    if "bias" in state:
        y = y + state["bias"].view(-1, *(1,) * ndim)
    return y


@final
class WeightedConv1d(WeightedConvNd):
    ndims = (1,)


@final
class WeightedConv2d(WeightedConvNd):
    ndims = (2,)


@final
class WeightedConv3d(WeightedConvNd):
    ndims = (3,)


BY_NDIM: dict[int, type[WeightedConvNd]] = {1: WeightedConv1d, 2: WeightedConv2d, 3: WeightedConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels, channels, 7, padding="same", groups=channels)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Cammarasana and Patanè",
            2025,
            "Optimal Weighted Convolution for Classification and Denosing",
            "https://arxiv.org/abs/2505.24558",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case(
            (2, 4, 11),
            lambda: WeightedConv1d(4, 2, 5, 2, 3, groups=2, bias=True),
            {"stride": 2, "padding": 3, "groups": 2},
        ),
        Case(
            (2, 2, 6, 7),
            lambda: WeightedConv2d(2, 3, 3, dilation=2, density=(1.3,)),
            {"dilation": 2},
        ),
        Case(
            (1, 2, 5, 4),
            lambda: WeightedConv2d(2, 2, 7, padding=3, groups=2, learn_density=True),
            {"padding": 3, "groups": 2},
        ),
        Case((1, 1, 3, 4, 3), lambda: WeightedConv3d(1, 2, 3, padding=1), {"padding": 1}),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: WeightedConv2d(3, 3, 3), says="C = 3"),
        BadInput((2, 3, 8, 8), lambda: WeightedConv2d(3, 3, (3, 5)), says="same along each axis"),
        BadInput((2, 3, 8, 8), lambda: WeightedConv2d(3, 3, 9), says="published ones go up to 7"),
        BadInput((2, 3, 8, 8), lambda: WeightedConv2d(3, 3, 5, density=(0.5,)), says="2 numbers"),
    ),
    mixer=_mixer,
)
