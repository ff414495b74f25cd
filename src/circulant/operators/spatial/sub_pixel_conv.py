r"""Sub-pixel convolution: convolve on the coarse grid, then lay channels out as the samples of a finer one.

    z = w * x + b,   y[c, r n + a] = z[c r^ndim + phase(a), n],   0 <= a < r along each axis

r is the factor and phase(a) the number of a, its last axis running fastest: torch's order (the paper's
runs over c fastest). Shapes: x (B, I, *spatial) -> y (B, O, *r output_spatial);
w (O r^ndim, I / groups, *kernel_size).

With stride 1 it is a transposed convolution of stride r whose kernel has r K taps (`to_conv_transpose`),
without that one's zeros in between. With stride r the grid stays.
"""

from itertools import product as combinations
from typing import Any, final

from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.core.sub_pixels import icnr_, sub_pixel_shuffle, sub_pixel_unshuffle
from circulant.operators.spatial.sub_pixel_layer import SubPixelConvNd

EXPORTS = (sub_pixel_shuffle, sub_pixel_unshuffle, icnr_)


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    factor: int = 2,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    weight, bias = state["weight"], state["bias"]
    spatial, kernel, ndim = x.shape[2:], weight.shape[2:], x.ndim - 2
    out = [(n + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(spatial, kernel)]
    O, width = weight.shape[0] // factor**ndim, weight.shape[1]
    y = x.new_zeros(x.shape[0], O, *(factor * n for n in out))
    for c, *place in combinations(range(O), *(range(factor * n) for n in out)):
        phase = 0
        for position in place:
            phase = phase * factor + position % factor
        source = c * factor**ndim + phase
        first = source // (weight.shape[0] // groups) * width
        total = bias[source].expand(x.shape[0])
        for number, tap in enumerate(combinations(*map(range, kernel))):
            at: Any = [n // factor * stride + dilation * m - padding for n, m in zip(place, tap)]
            if all(0 <= n < size for n, size in zip(at, spatial)):
                met: Any = (slice(None), slice(first, first + width), *at)
                total = total + x[met] @ weight[source].flatten(1)[:, number]
        here: Any = (slice(None), c, *place)
        y[here] = total
    return y


@final
class SubPixelConv1d(SubPixelConvNd):
    ndims = (1,)


@final
class SubPixelConv2d(SubPixelConvNd):
    ndims = (2,)


@final
class SubPixelConv3d(SubPixelConvNd):
    ndims = (3,)


BY_NDIM: dict[int, type[SubPixelConvNd]] = {1: SubPixelConv1d, 2: SubPixelConv2d, 3: SubPixelConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    """Down to a coarser grid and up again, where the grid can be divided."""
    factor = next(r for r in (2, 3, 5, 7, 1) if all(size % r == 0 for size in spatial))
    build = BY_NDIM[len(spatial)]
    return build(channels, channels, 2 * (factor // 2) + 3, factor, factor // 2 + 1, factor=factor)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Shi, Caballero, Huszár, Totz, Aitken, Bishop, Rueckert and Wang",
            2016,
            "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional "
            "Neural Network",
            "https://arxiv.org/abs/1609.05158",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case(
            (2, 4, 5),
            lambda: SubPixelConv1d(4, 2, 3, 1, 2, 2, 2, factor=3),
            {"factor": 3, "padding": 2, "dilation": 2, "groups": 2},
        ),
        Case((1, 2, 4, 3), lambda: SubPixelConv2d(2, 3, 3, padding=1), {"padding": 1}),
        Case(
            (2, 1, 5, 4),
            lambda: SubPixelConv2d(1, 2, (2, 3), 2, 1, factor=3),
            {"factor": 3, "stride": 2, "padding": 1},
        ),
        Case((1, 2, 2, 3, 2), lambda: SubPixelConv3d(2, 1, 2, padding=1), {"padding": 1}),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: SubPixelConv2d(3, 3, 3), says="C = 3"),
        BadInput((8, 8), lambda: SubPixelConv2d(3, 3, 3), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 3, 8), lambda: SubPixelConv1d(3, 3, 3, factor=0), says="factor of 1 or more"),
        BadInput((2, 3, 8), lambda: SubPixelConv1d(3, 1, 3, groups=3), says="multiples of groups"),
    ),
    mixer=_mixer,
)
