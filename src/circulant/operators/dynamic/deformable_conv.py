r"""Deformable convolution: every tap reads where the features say, and with a mask it weighs what they say.

    y[b, o, p] = bias[o] + sum_{i, m} weight[o, i, m] a[b, g, m, p] x[b, i](s p + d m - q + u[b, g, m, p])
    (u, l) = W * x + c,   a = sigmoid(l)

W * x is a convolution with the same kernel size, stride, padding and dilation. x between samples is
interpolated linearly along each axis and is zero outside; q is the padding, g = i // (I / offset_groups).
Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial); weight (O, I / groups, *kernel),
W (offset_groups taps (ndim + 1), I, *kernel), c of as many rows.

This is the second form. `modulated=False` leaves out the mask (a = 1), which is the first; its rows are
offset_groups taps ndim. Rows are in torchvision's order: by offset group, by tap row by row, then (y, x);
the masks follow. W and c start at zero: the first form is then an ordinary convolution, the second half of
one. `functional.deformable_conv` takes offsets and masks that come from elsewhere.
"""

from itertools import product
from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.operators.dynamic.deformable_layer import DeformableConvNd


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    offset_groups: int = 1,
    modulated: bool = True,
) -> Tensor:
    weight, ndim, G = state["weight"], x.ndim - 2, offset_groups
    spatial, kernel = x.shape[2:], weight.shape[2:]
    out = [(n + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(spatial, kernel)]
    starts = torch.cartesian_prod(*(torch.arange(n) * stride - padding for n in out)).reshape(-1, ndim)
    taps = [dilation * torch.tensor(tap) for tap in product(*map(range, kernel))]
    still = torch.zeros(len(x), 1, len(starts), ndim, dtype=x.dtype)
    rows = state["offset_bias"][:, None]
    for tap, own in zip(taps, state["offset_weight"].flatten(2).unbind(2)):
        rows = rows + own @ _interpolated(x, starts + tap + still)
    moves = rows[:, : G * len(taps) * ndim].reshape(len(x), G, len(taps), ndim, -1).movedim(3, -1)
    y = torch.zeros(len(x), len(weight), len(starts), dtype=x.dtype)
    for m, tap in enumerate(taps):
        samples = _interpolated(x, starts + tap + moves[:, :, m])
        if modulated:
            logits = rows[:, G * len(taps) * ndim :].reshape(len(x), G, len(taps), -1)[:, :, m]
            samples = samples / (1 + torch.exp(-logits)).repeat_interleave(x.shape[1] // G, 1)
        groups = x.shape[1] // weight.shape[1]
        apart = samples.reshape(len(x), groups, -1, len(starts))
        own = weight.flatten(2)[..., m].reshape(groups, -1, weight.shape[1])
        y = y + torch.einsum("goi,bgip->bgop", own, apart).flatten(1, 2)
    if "bias" in state:
        y = y + state["bias"][:, None]
    return y.reshape(*y.shape[:2], *out)


def _interpolated(x: Tensor, places: Tensor) -> Tensor:
    """x (B, C, *spatial) at places (B, G, P, ndim) -> (B, C, P): all samples, each by its nearness."""
    share = torch.ones_like(places[..., :1])
    for axis, n in enumerate(x.shape[2:]):
        near = (1 - (places[..., axis, None] - torch.arange(n)).abs()).clamp(min=0)
        share = (share[..., None] * near[..., None, :]).flatten(3)
    grouped = x.reshape(len(x), places.shape[1], -1, share.shape[-1])
    return torch.einsum("bgps,bgcs->bgcp", share, grouped).flatten(1, 2)


@final
class DeformableConv1d(DeformableConvNd):
    ndims = (1,)


@final
class DeformableConv2d(DeformableConvNd):
    ndims = (2,)


@final
class DeformableConv3d(DeformableConvNd):
    ndims = (3,)


BY_NDIM: dict[int, type[DeformableConvNd]] = {1: DeformableConv1d, 2: DeformableConv2d, 3: DeformableConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels, channels, 3, padding=1)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Dai, Qi, Xiong, Li, Zhang, Hu and Wei",
            2017,
            "Deformable Convolutional Networks",
            "https://arxiv.org/abs/1703.06211",
        ),
        Paper(
            "Zhu, Hu, Lin and Dai",
            2018,
            "Deformable ConvNets v2: More Deformable, Better Results",
            "https://arxiv.org/abs/1811.11168",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case(
            (2, 4, 9),
            lambda: DeformableConv1d(4, 2, 3, 2, 2, 2, groups=2, offset_groups=2, modulated=False),
            {"stride": 2, "padding": 2, "dilation": 2, "offset_groups": 2, "modulated": False},
        ),
        Case(
            (2, 4, 4, 5),
            lambda: DeformableConv2d(4, 2, 3, padding=1, offset_groups=2),
            {"padding": 1, "offset_groups": 2},
        ),
        Case(
            (1, 2, 5, 4),
            lambda: DeformableConv2d(2, 2, (2, 3), 2, groups=2, bias=False),
            {"stride": 2},
        ),
        Case((1, 2, 3, 2, 3), lambda: DeformableConv3d(2, 1, 2, padding=1), {"padding": 1}),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: DeformableConv2d(3, 3, 3), says="C = 3"),
        BadInput((8, 8), lambda: DeformableConv2d(3, 3, 3), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 3, 8), lambda: DeformableConv1d(3, 3, 3, offset_groups=2), says="to divide in_channels"),
        BadInput((2, 3, 8), lambda: DeformableConv1d(3, 3, 3, padding_mode="reflect"), says="pad x before"),
        BadInput((2, 3, 2, 2), lambda: DeformableConv2d(3, 3, 3), says="fits the padded input"),
    ),
    mixer=_mixer,
)
