r"""Tunable convolution: parameters set from outside mix a bank of kernels, one kernel for each example.

    a[b] = M tuning[b] + m   (mode MLP),   a[b] = tuning[b]   (mode LINEAR with expand 1)
    W[b] = sum_i a[b, i] weight[i],   y[b] = W[b] * x[b] + sum_i a[b, i] bias[i]

The same tuning weighs the objectives in training (`circulant.train.parametric_multi_loss`), so that each of
its numbers becomes a knob for one objective: between 0 and 1 in training, at the user's will afterwards.
Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial); tuning (B, P) or (P), M (P expand, P), weight
(P expand, O, I / groups, *kernel), bias (P expand, O).

a is affine in `tuning`, with no softmax. Without a tuning, forward takes the layer's own, equal shares at
first; `tune` sets it in a whole network. It is an input rather than a parameter, and is not stored.
"""

from itertools import product
from typing import Any, final

from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.operators.dynamic.tunable_layer import TunableConvNd, TuningMode, require_tuning


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    share = state["tuning"]
    if "mixing.weight" in state:
        share = state["mixing.weight"] @ share + state["mixing.bias"]
    kernel = sum(part * weight for part, weight in zip(share, state["weight"]))
    O, I, *taps = kernel.shape
    outer = x.new_zeros(*x.shape[:2], *(n + 2 * padding for n in x.shape[2:]))
    inside: Any = (..., *(slice(padding, padding + n) for n in x.shape[2:]))
    outer[inside] = x
    out = [(n - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(outer.shape[2:], taps)]
    y = x.new_zeros(x.shape[0], O, *out)
    for tap in product(*map(range, taps)):
        starts = [dilation * m for m in tap]
        met: Any = (..., *(slice(s, s + stride * (n - 1) + 1, stride) for s, n in zip(starts, out)))
        for o in range(O):
            for i in range(I):
                y[:, o] += kernel[(o, i, *tap)] * outer[met][:, o // (O // groups) * I + i]
    if "bias" in state:
        y = y + (share @ state["bias"]).view(-1, *(1,) * len(out))
    return y


@final
class TunableConv1d(TunableConvNd):
    ndims = (1,)


@final
class TunableConv2d(TunableConvNd):
    ndims = (2,)


@final
class TunableConv3d(TunableConvNd):
    ndims = (3,)


def tune(network: nn.Module, tuning: Tensor) -> int:
    """Set every tunable layer of the network to tuning (P) or (B, P); how many layers there are.

    Nothing is copied, so that gradients reach what the tuning was made from. A layer that is called with a
    tuning of its own keeps that.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, TunableConvNd)]
    if not layers:
        raise ArgumentError(
            f"expected a network with tunable convolutions, found none in {type(network).__name__}"
        )
    for layer in layers:
        require_tuning(tuning, layer.knobs)
        layer.tuning = tuning
    return len(layers)


EXPORTS = (TuningMode, tune)

BY_NDIM: dict[int, type[TunableConvNd]] = {1: TunableConv1d, 2: TunableConv2d, 3: TunableConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels, channels, 3, padding="same", groups=channels)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Maggioni, Tanay, Babiloni, McDonagh and Leonardis",
            2023,
            "Tunable Convolutions with Parametric Multi-Loss Optimization",
            "https://arxiv.org/abs/2304.00898",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case(
            (2, 4, 9),
            lambda: TunableConv1d(4, 2, 3, 2, 1, groups=2, bias=True),
            {"stride": 2, "padding": 1, "groups": 2},
        ),
        Case(
            (2, 2, 4, 5),
            lambda: TunableConv2d(2, 3, (3, 2), padding=1, parameters=1, expand=2),
            {"padding": 1},
        ),
        Case(
            (1, 2, 5, 4),
            lambda: TunableConv2d(2, 2, 2, dilation=2, bias=True, parameters=3, mode=TuningMode.LINEAR),
            {"dilation": 2},
        ),
        Case((1, 1, 3, 4, 3), lambda: TunableConv3d(1, 2, 2, bias=True)),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: TunableConv2d(3, 3, 3), says="C = 3"),
        BadInput((8, 8), lambda: TunableConv2d(3, 3, 3), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 3, 8), lambda: TunableConv1d(3, 3, 3, parameters=0), says="parameters and expand of 1"),
        BadInput((2, 3, 8), lambda: TunableConv1d(3, 4, 3, groups=3), says="multiples of groups"),
    ),
    mixer=_mixer,
)
