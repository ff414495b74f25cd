r"""Atrous spatial pyramid pooling: scores from one 3x3 kernel for each of several rates, added up.

    y = sum_r (w_r *_r x + b_r)

w_r *_r x is a convolution whose taps are r samples apart, padded with r zeros.
Shapes: x (B, I, H, W) -> y (B, O, H, W); each w_r (O, I, 3, 3).

Where r exceeds the picture only the middle tap still meets it. This is the form over a residual network;
the one over VGG has two more 1x1 layers in each branch.
"""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import ZERO_COST, Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.operators.spatial.atrous_conv import AtrousConv2d

RATES = (6, 12, 18, 24)
FIRST_SPREAD = 0.01


def reference(x: Tensor, state: dict[str, Tensor], rates: tuple[int, ...]) -> Tensor:
    H, W = x.shape[2:]
    y = 0 * torch.einsum("oi,bihw->bohw", state["branches.0.weight"][:, :, 0, 0], x)
    for number, rate in enumerate(rates):
        weight = state[f"branches.{number}.weight"]
        y = y + state[f"branches.{number}.bias"][:, None, None]
        for i in range(3):
            for j in range(3):
                moved = torch.zeros_like(x)
                for h in range(H):
                    for w in range(W):
                        u, v = h + rate * (i - 1), w + rate * (j - 1)
                        if 0 <= u < H and 0 <= v < W:
                            moved[:, :, h, w] = x[:, :, u, v]
                y = y + torch.einsum("oi,bihw->bohw", weight[:, :, i, j], moved)
    return y


@final
class AtrousSpatialPyramidPooling2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        rates: Sequence[int] = RATES,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not rates:
            raise ArgumentError("expected one rate or more, got none; 6, 12, 18, 24 are the published")
        self.in_channels, self.rates = in_channels, tuple(rates)
        self.branches = nn.ModuleList(
            AtrousConv2d(in_channels, out_channels, 3, rate=rate, device=device, dtype=dtype)
            for rate in rates
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights near zero, no bias."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=FIRST_SPREAD)
            else:
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        first, *others = self.branches
        y: Tensor = first(x)
        for branch in others:
            y = y + branch(x)
        return y

    def cost(self, shape: Shape) -> Cost:
        branches = (branch for branch in self.branches if isinstance(branch, AtrousConv2d))
        return sum((branch.cost(shape) for branch in branches), start=ZERO_COST)

    def extra_repr(self) -> str:
        return f"rates={self.rates}"


def _mixer(channels: int, spatial: Shape) -> AtrousSpatialPyramidPooling2d:
    return AtrousSpatialPyramidPooling2d(channels, channels, (1, 2, 3, 4))


CARD = Card(
    operators=(AtrousSpatialPyramidPooling2d,),
    reference=reference,
    papers=(
        Paper(
            "Chen, Papandreou, Kokkinos, Murphy and Yuille",
            2016,
            "DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution, and "
            "Fully Connected CRFs",
            "https://arxiv.org/abs/1606.00915",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case((2, 3, 5, 4), lambda: AtrousSpatialPyramidPooling2d(3, 2, (1, 2)), {"rates": (1, 2)}),
        Case((1, 2, 3, 4), lambda: AtrousSpatialPyramidPooling2d(2, 3, (3,)), {"rates": (3,)}),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: AtrousSpatialPyramidPooling2d(3, 2), says="C = 3"),
        BadInput((3, 8, 8), lambda: AtrousSpatialPyramidPooling2d(3, 2), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: AtrousSpatialPyramidPooling2d(3, 2, ()), says="one rate or more"),
    ),
    mixer=_mixer,
)
