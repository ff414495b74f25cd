r"""Convolution of a low-passed input with a dilated kernel: as the kernel did to an input that much smaller.

    y = weight *_n irfftn(m rfftn(pad(x))) + bias,   n = ceil(scale)

*_n is convolution with the kernel dilated n times and n times the padding; the filtered input is cropped to
the size of x.
Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial), as from torch.nn.ConvNd where padding keeps the size.

Of a periodic signal, every n-th sample convolved with the kernel is every n-th sample of the convolution
with the dilated kernel; the low pass sees to it that those samples hold all there is. m is a product over
the axes of gains 1 up to H / (2 a) + 1 cycles and from there a ramp of H / 8 bins down to `floor`
(published: 0, for SDXL 0.6), a = max(scale / stride, 1). WEAK ramps to the highest frequency. IDEAL has no
ramp and no + 1. None does not filter, for layers behind an upsampling. Inputs of another aspect are padded
with zeros at the end to a multiple of `native`, the size the layer was trained on. Scale 1 is the plain
layer.

With `branches` the batch is three equal parts, without text, with it, and with it again: the third part
passes the weak filter, and its kernel is dilated ceil(scale / weak_divisor) times (published for SDXL: 1.5).
Deviation: the published mask is shifted by one bin, so that frequencies +k and -k have the gains of k and k
- 1, and the imaginary part is dropped; here both have that of k.
"""

from typing import Any, final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.operators.spatial.fouri_scale_layer import FouriScaleConvNd
from circulant.operators.spatial.low_pass_gains import LowPass, low_pass_gains


def decayed_scale(scale: float, step: int, start: int, stop: int) -> float:
    """The scale at that step of a progressive schedule: whole before `start`, falling to 1 at `stop`."""
    left = (stop - max(step, start)) / (stop - start)
    return max((scale - 1) * left + 1, 1.0)


EXPORTS = (LowPass, decayed_scale, low_pass_gains)


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    scale: float = 1.0,
    native: int = 1,
    stride: int = 1,
    padding: int = 0,
    floor: float = 0.0,
    kind: str = "soft",
) -> Tensor:
    spatial, ndim = x.shape[2:], x.ndim - 2
    if scale > 1:
        times = max(-(-n // native) for n in spatial)
        full = x.new_zeros(*x.shape[:2], *(max(native * times, 1) if native > 1 else n for n in spatial))
        inside: Any = (..., *map(slice, spatial))
        full[inside] = x
        for axis in range(2, x.ndim):
            n = full.shape[axis]
            matrix = torch.zeros(n, n, dtype=x.dtype)
            for k in range(n):
                gain = _gain(min(k, n - k), n, max(scale / stride, 1), floor, kind)
                distance = torch.arange(n)[:, None] - torch.arange(n)
                matrix = matrix + gain * torch.cos(2 * torch.pi * k * distance.to(x) / n) / n
            full = (full.movedim(axis, -1) @ matrix.T).movedim(-1, axis)
        x = full[inside]
    weight, d = state["weight"], -int(-scale // 1)
    outer = x.new_zeros(*x.shape[:2], *(n + 2 * d * padding for n in spatial))
    middle: Any = (..., *(slice(d * padding, d * padding + n) for n in spatial))
    outer[middle] = x
    out = [(n - d * (k - 1) - 1) // stride + 1 for n, k in zip(outer.shape[2:], weight.shape[2:])]
    y = x.new_zeros(len(x), len(weight), *out) + state["bias"].view(-1, *(1,) * ndim)
    for tap in torch.cartesian_prod(*map(torch.arange, weight.shape[2:])).view(-1, ndim).tolist():
        met: Any = tuple(slice(d * m, d * m + stride * (n - 1) + 1, stride) for m, n in zip(tap, out))
        for o in range(len(weight)):
            for i in range(weight.shape[1]):
                y[:, o] += weight[(o, i, *tap)] * outer[(slice(None), i, *met)]
    return y


def _gain(frequency: int, n: int, scale: float, floor: float, kind: str) -> float:
    if kind == "ideal":
        return float(frequency <= n / (2 * scale))
    ramp = max(n // 8, 1) if kind == "soft" else (scale - 1) * n // (2 * scale)
    if ramp == 0:
        return 1.0
    return min(max(1 + (1 - floor) * (n // 2 / scale + 1 - frequency) / ramp, floor), 1.0)


@final
class FouriScaleConv1d(FouriScaleConvNd):
    ndims = (1,)


@final
class FouriScaleConv2d(FouriScaleConvNd):
    ndims = (2,)


@final
class FouriScaleConv3d(FouriScaleConvNd):
    ndims = (3,)


FOURI_SCALE: dict[int, type[FouriScaleConvNd]] = {
    1: FouriScaleConv1d,
    2: FouriScaleConv2d,
    3: FouriScaleConv3d,
}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return FOURI_SCALE[len(spatial)](channels, channels, 3, padding=1, scale=2.0)


CARD = Card(
    operators=tuple(FOURI_SCALE.values()),
    reference=reference,
    papers=(
        Paper(
            "Huang, Fang, Zhang, Song, Liu, Liu and Li",
            2024,
            "FouriScale: A Frequency Perspective on Training-Free High-Resolution Image Synthesis",
            "https://arxiv.org/abs/2403.12963",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case(
            (2, 2, 6, 7),
            lambda: FouriScaleConv2d(2, 3, 3, padding=1, scale=1.5, native=4),
            {"scale": 1.5, "native": 4, "padding": 1},
        ),
        Case(
            (2, 1, 8, 6),
            lambda: FouriScaleConv2d(1, 2, 3, 2, 1, scale=4.0, floor=0.6),
            {"scale": 4.0, "stride": 2, "padding": 1, "floor": 0.6},
        ),
        Case(
            (1, 2, 12),
            lambda: FouriScaleConv1d(2, 2, 2, scale=2.0, low_pass=LowPass.IDEAL),
            {"scale": 2.0, "kind": "ideal"},
        ),
        Case(
            (1, 1, 3, 4, 5),
            lambda: FouriScaleConv3d(1, 2, 2, padding=1, scale=2.0, low_pass=LowPass.WEAK),
            {"scale": 2.0, "padding": 1, "kind": "weak"},
        ),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: FouriScaleConv2d(3, 3, 3, scale=2), says="C = 3"),
        BadInput((8, 8), lambda: FouriScaleConv2d(3, 3, 3, scale=2), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 3, 8), lambda: FouriScaleConv1d(3, 3, 3, scale=0.5), says="of 1 or more"),
        BadInput((2, 3, 8), lambda: FouriScaleConv1d(3, 3, 3, scale=2, branches=True), says="three branches"),
    ),
    mixer=_mixer,
)
