r"""Atrous spatial pyramid pooling: scores from one 3x3 kernel for each of several rates, added up.

    y = sum_r (w_r *_r x + b_r)

w_r *_r x is a convolution whose taps are r samples apart, padded with r zeros.
Shapes: x (B, I, H, W) -> y (B, O, H, W); each w_r (O, I, 3, 3).

Where r exceeds the picture only the middle tap still meets it. This is the form over a residual network, and
linear. With hidden = n it is the form over VGG, whose branches go on through two 1x1 layers, u_r and v_r:

    y = sum_r (v_r drop(relu(u_r drop(relu(w_r *_r x + b_r)) + c_r)) + d_r)

where drop is dropout; w_r (n, I, 3, 3), u_r (n, n, 1, 1), v_r (O, n, 1, 1). Layers that give scores start
near zero; the hidden ones, which VGG's fully connected layers start in the paper, as torch's convolutions.
"""

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import ZERO_COST, Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import settings_of
from circulant.operators.spatial.atrous_conv import AtrousConv2d

RATES = (6, 12, 18, 24)
FIRST_SPREAD = 0.01


def reference(x: Tensor, state: dict[str, Tensor], rates: tuple[int, ...], hidden: bool = False) -> Tensor:
    H, W = x.shape[2:]
    total: Any = 0
    for number, rate in enumerate(rates):
        first, *others = (f"branches.{number}{layer}" for layer in ((".0", ".3", ".6") if hidden else ("",)))
        weight = state[f"{first}.weight"]
        y = state[f"{first}.bias"][:, None, None] + x.new_zeros(len(x), len(weight), H, W)
        for i in range(3):
            for j in range(3):
                moved = torch.zeros_like(x)
                for h in range(H):
                    for w in range(W):
                        u, v = h + rate * (i - 1), w + rate * (j - 1)
                        if 0 <= u < H and 0 <= v < W:
                            moved[:, :, h, w] = x[:, :, u, v]
                y = y + torch.einsum("oi,bihw->bohw", weight[:, :, i, j], moved)
        for layer in others:
            y = torch.einsum("oi,bihw->bohw", state[f"{layer}.weight"][:, :, 0, 0], y.clamp(min=0))
            y = y + state[f"{layer}.bias"][:, None, None]
        total = total + y
    return torch.as_tensor(total)


@final
class AtrousSpatialPyramidPooling2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        rates: Sequence[int] = RATES,
        *,
        hidden: int | None = None,
        dropout: float = 0.5,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """hidden: channels inside the branches of the form over VGG, 1024 as published; dropout: there."""
        super().__init__()
        if hidden is not None and hidden < 1:
            raise ArgumentError(f"expected 1 hidden channel or more, or None for none, got {hidden}")
        if not rates:
            raise ArgumentError("expected one rate or more, got none; 6, 12, 18, 24 are the published")
        self.in_channels, self.rates = in_channels, tuple(rates)
        kind: Any = {"device": device, "dtype": dtype}
        first = out_channels if hidden is None else hidden
        branches: list[nn.Module] = [AtrousConv2d(in_channels, first, 3, rate=r, **kind) for r in rates]
        if hidden is not None:
            branches = [
                nn.Sequential(
                    branch, nn.ReLU(), nn.Dropout(dropout),
                    nn.Conv2d(hidden, hidden, 1, **kind), nn.ReLU(), nn.Dropout(dropout),
                    nn.Conv2d(hidden, out_channels, 1, **kind),
                )
                for branch in branches
            ]  # fmt: skip
        self.branches = nn.ModuleList(branches)
        self.reset_parameters()

    def convolutions(self) -> list[AtrousConv2d | nn.Conv2d]:
        """Of all branches, in order."""
        return [layer for layer in self.modules() if isinstance(layer, (AtrousConv2d, nn.Conv2d))]

    def reset_parameters(self) -> None:
        """Weights of scores near zero, hidden ones as torch's, no bias."""
        layers = self.convolutions()
        per_branch = len(layers) // len(self.rates)
        for number, layer in enumerate(layers, 1):
            layer.reset_parameters()
            if number % per_branch == 0:
                nn.init.normal_(layer.weight, std=FIRST_SPREAD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        first, *others = self.branches
        y: Tensor = first(x)
        for branch in others:
            y = y + branch(x)
        return y

    def cost(self, shape: Shape) -> Cost:
        total = ZERO_COST
        for layer in self.convolutions():
            known = layer.settings if isinstance(layer, AtrousConv2d) else settings_of(layer)
            total += known.cost((shape[0], known.in_channels, *shape[2:]))
        return total

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
    laws=frozenset(),
    cases=(
        Case((2, 3, 5, 4), lambda: AtrousSpatialPyramidPooling2d(3, 2, (1, 2)), {"rates": (1, 2)}),
        Case((1, 2, 3, 4), lambda: AtrousSpatialPyramidPooling2d(2, 3, (3,)), {"rates": (3,)}),
        Case(
            (2, 3, 4, 5),
            lambda: AtrousSpatialPyramidPooling2d(3, 2, (1, 3), hidden=4, dropout=0.0),
            {"rates": (1, 3), "hidden": True},
        ),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: AtrousSpatialPyramidPooling2d(3, 2), says="C = 3"),
        BadInput((3, 8, 8), lambda: AtrousSpatialPyramidPooling2d(3, 2), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: AtrousSpatialPyramidPooling2d(3, 2, ()), says="one rate or more"),
        BadInput(
            (2, 3, 8, 8), lambda: AtrousSpatialPyramidPooling2d(3, 2, hidden=0), says="1 hidden channel"
        ),
    ),
    mixer=_mixer,
)
