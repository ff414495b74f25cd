r"""Space to depth, then a convolution without stride: a coarser grid that has seen every sample.

    y = weight * z + b,   z[b, n C + c, p] = x[b, c, s p + r(n)],   n = r_1 + s_1 (r_2 + s_2 r_3)

s is the argument `stride`: the block of samples that becomes one place; r runs over its offsets, along the
first axis fastest. The kernel then moves over the coarse grid by single steps, and kernel size, padding and
dilation count places of it. Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial), where the coarse grid
has ceil(spatial / s) places; odd rests are filled with zeros; weight (O, product(s) I / groups, *kernel).

Channels are block-major, as published and unlike torch's pixel_unshuffle. Nothing is lost: `depth_to_space`
is the inverse. The operator equals one convolution of stride s with s K taps and s times the padding;
`to_conv` gives it, and the engine runs whichever of the two it expects to be faster. `from_conv` goes the
other way: any strided convolution, exactly, with room to learn what lies between its taps. With groups, each
group of channels is laid out block-major; with one group that is the published order.
"""

from typing import Any, final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.engine.space_to_depth import (
    depth_to_space,
    space_to_depth,
)
from circulant.operators.spatial.space_to_depth_layer import SpaceToDepthConvNd

EXPORTS = (space_to_depth, depth_to_space)


def reference(
    x: Tensor, state: dict[str, Tensor], block: int = 2, padding: int = 0, dilation: int = 1, groups: int = 1
) -> Tensor:
    weight, ndim = state["weight"], x.ndim - 2
    offsets = torch.cartesian_prod(*[torch.arange(block)] * ndim).view(-1, ndim).flip(1).tolist()
    coarse = [-(-n // block) for n in x.shape[2:]]
    full = x.new_zeros(*x.shape[:2], *(block * n for n in coarse))
    whole: Any = (..., *map(slice, x.shape[2:]))
    full[whole] = x
    size = x.shape[1] // groups
    parts = []
    for group in range(groups):
        for offset in offsets:
            met: Any = tuple(slice(r, None, block) for r in offset)
            parts.append(full[(slice(None), slice(group * size, (group + 1) * size), *met)])
    z = torch.cat(parts, 1)
    outer = x.new_zeros(*z.shape[:2], *(n + 2 * padding for n in coarse))
    inside: Any = (..., *(slice(padding, padding + n) for n in coarse))
    outer[inside] = z
    taps = weight.shape[2:]
    out = [n + 2 * padding - dilation * (k - 1) for n, k in zip(coarse, taps)]
    y = x.new_zeros(len(x), len(weight), *out)
    if "bias" in state:
        y = y + state["bias"].view(-1, *(1,) * ndim)
    for o in range(len(weight)):
        first = o // (len(weight) // groups) * weight.shape[1]
        for i in range(weight.shape[1]):
            for tap in torch.cartesian_prod(*map(torch.arange, taps)).view(-1, ndim).tolist():
                seen: Any = tuple(slice(dilation * m, dilation * m + n) for m, n in zip(tap, out))
                y[:, o] += weight[(o, i, *tap)] * outer[(slice(None), first + i, *seen)]
    return y


@final
class SpaceToDepthConv1d(SpaceToDepthConvNd):
    ndims = (1,)


@final
class SpaceToDepthConv2d(SpaceToDepthConvNd):
    ndims = (2,)


@final
class SpaceToDepthConv3d(SpaceToDepthConvNd):
    ndims = (3,)


SPACE_TO_DEPTH: dict[int, type[SpaceToDepthConvNd]] = {
    1: SpaceToDepthConv1d,
    2: SpaceToDepthConv2d,
    3: SpaceToDepthConv3d,
}


def _mixer(channels: int, spatial: Shape) -> Operator:
    """Blocks of one sample: a mixer keeps the grid."""
    return SPACE_TO_DEPTH[len(spatial)](channels, channels, 3, 1, 1)


CARD = Card(
    operators=tuple(SPACE_TO_DEPTH.values()),
    reference=reference,
    papers=(
        Paper(
            "Sunkara and Luo",
            2022,
            "No More Strided Convolutions or Pooling: A New CNN Building Block for Low-Resolution Images and "
            "Small Objects",
            "https://arxiv.org/abs/2208.03641",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case((2, 2, 6, 5), lambda: SpaceToDepthConv2d(2, 3, 3, padding=1), {"padding": 1}),
        Case(
            (1, 4, 7, 6),
            lambda: SpaceToDepthConv2d(4, 2, 2, 3, 1, 2, groups=2, bias=False),
            {"block": 3, "padding": 1, "dilation": 2, "groups": 2},
        ),
        Case((2, 2, 11), lambda: SpaceToDepthConv1d(2, 2, 2)),
        Case((1, 1, 4, 3, 4), lambda: SpaceToDepthConv3d(1, 2, 1)),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: SpaceToDepthConv2d(3, 3, 3), says="C = 3"),
        BadInput((8, 8), lambda: SpaceToDepthConv2d(3, 3, 3), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 3, 8), lambda: SpaceToDepthConv1d(3, 3, 3, 0), says="stride of 1 or more"),
        BadInput((2, 3, 8), lambda: SpaceToDepthConv1d(3, 4, 3, groups=2), says="multiples of groups"),
    ),
    mixer=_mixer,
)
