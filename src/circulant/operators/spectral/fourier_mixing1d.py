r"""Fourier mixing: the real part of a transform over channels and positions, with nothing to learn.

    y[b, c, l] = Re sum_{d, m} x[b, d, m] exp(-2 pi i (c d / C + l m / L))

Shapes: x (B, C, L) -> y (B, C, L). The transform is not normalised, as published: y is about sqrt(C L)
times as large as x, and the layer norm that follows is part of the network, not of the operator.
x is real, so that the channels above C / 2 are the lower ones read backwards in channel and position.
"""

from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import transform_cost
from circulant.engine.transform import rfftn
from circulant.problems.transform import TransformKind


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    _, C, L = x.shape
    y = torch.zeros_like(x)
    for d in range(C):
        for m in range(L):
            turns = torch.arange(C)[:, None] * d / C + torch.arange(L) * m / L
            y = y + x[:, d, m, None, None] * torch.cos(2 * torch.pi * turns)
    return y


@final
class FourierMixing1d(Operator):
    """device and dtype are taken as by every operator; there is nothing to place."""

    ndims = (1,)

    def __init__(
        self, channels: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        length = x.shape[2]
        lower = rfftn(x, 2)[..., 0]  # which has y(-c, -l) = y(c, l)
        upper = lower[..., 1 : (length + 1) // 2].flip(1, 2).roll(1, 1)
        return torch.cat([lower, upper], dim=2)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        return transform_cost(TransformKind.RFFT, B, C, L)

    def extra_repr(self) -> str:
        return str(self.channels)


def _mixer(channels: int, spatial: Shape) -> FourierMixing1d:
    return FourierMixing1d(channels)


CARD = Card(
    operators=(FourierMixing1d,),
    reference=reference,
    papers=(
        Paper(
            "Lee-Thorp, Ainslie, Eckstein and Ontañón",
            2021,
            "FNet: Mixing Tokens with Fourier Transforms",
            "https://arxiv.org/abs/2105.03824",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case((2, 4, 6), lambda: FourierMixing1d(4)),
        Case((1, 5, 7), lambda: FourierMixing1d(5)),
        Case((2, 1, 5), lambda: FourierMixing1d(1)),
        Case((1, 6, 1), lambda: FourierMixing1d(6)),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: FourierMixing1d(4), says="C = 4"),
        BadInput((2, 4, 6, 6), lambda: FourierMixing1d(4), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
