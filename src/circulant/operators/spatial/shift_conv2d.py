r"""Shift convolution: groups of channels look aside, each its own way, and a 1x1 convolution joins them.

    y[b, o, p] = sum_c W[o, c] x[b, c, p + step d(c)] + beta[o]

with zeros outside x. The channels are eight groups in order, and d is (-1, 0), (1, 0), (0, -1), (0, 1),
(1, 1), (1, -1), (-1, 1), (-1, -1), rows first: every neighbour of p once, p itself never.
Shapes: x (B, C, H, W) -> y (B, O, H, W), C a multiple of 8; W (O, C, 1, 1).

Moving has no parameters and takes no arithmetic. A function of each number that leaves zero alone, as ReLU,
may stand before or after it. `to_conv` is the same as one convolution with a kernel of 2 step + 1 taps a
side, all zeros but one for each pair of channels: it moves no data, for nine times the arithmetic.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost

DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1), (1, 1), (1, -1), (-1, 1), (-1, -1))
"""Where the groups of channels look, rows first."""


def reference(x: Tensor, state: dict[str, Tensor], step: int = 1) -> Tensor:
    C, H, W = x.shape[1:]
    order = ((-1, 0), (1, 0), (0, -1), (0, 1), (1, 1), (1, -1), (-1, 1), (-1, -1))
    moved = torch.zeros_like(x)
    for c in range(C):
        down, right = order[c // (C // 8)]
        for h in range(H):
            for w in range(W):
                u, v = h + step * down, w + step * right
                if 0 <= u < H and 0 <= v < W:
                    moved[:, c, h, w] = x[:, c, u, v]
    y = torch.einsum("oc,bchw->bohw", state["pointwise.weight"][:, :, 0, 0], moved)
    return y + state["pointwise.bias"][:, None, None] if "pointwise.bias" in state else y


def shift8(x: Tensor, step: int = 1) -> Tensor:
    """Each eighth of the channels moved its own way, zeros behind it.  Shapes: (B, C, H, W) -> the same."""
    H, W = x.shape[2:]
    outer = F.pad(x, (step,) * 4)
    groups = outer.chunk(8, dim=1)
    starts = [(step * (1 + down), step * (1 + right)) for down, right in DIRECTIONS]
    return torch.cat([g[:, :, h : h + H, w : w + W] for g, (h, w) in zip(groups, starts, strict=True)], dim=1)


@final
class ShiftConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        step: int = 1,
    ) -> None:
        super().__init__()
        if in_channels < 1 or in_channels % 8:
            raise ArgumentError(f"expected in_channels as a multiple of 8, got {in_channels}")
        if step < 1:
            raise ArgumentError(f"expected step of 1 or more, got {step}")
        self.step = step
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=bias, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.pointwise.in_channels, self.ndims)
        y: Tensor = self.pointwise(shift8(x, self.step))
        return y

    @torch.no_grad()
    def to_conv(self) -> nn.Conv2d:
        """One convolution with a sparse kernel, which moves no data."""
        weight, step = self.pointwise.weight, self.step
        O, C = weight.shape[:2]
        conv = nn.Conv2d(
            C, O, 2 * step + 1, padding=step, bias=self.pointwise.bias is not None, device=weight.device,
            dtype=weight.dtype,
        )  # fmt: skip
        conv.weight.zero_()
        for group, (down, right) in enumerate(DIRECTIONS):
            own = slice(group * C // 8, (group + 1) * C // 8)
            conv.weight[:, own, step * (1 + down), step * (1 + right)] = weight[:, own, 0, 0]
        if conv.bias is not None and self.pointwise.bias is not None:
            conv.bias.copy_(self.pointwise.bias)
        return conv

    def cost(self, shape: Shape) -> Cost:
        return pointwise_cost(shape, self.pointwise.out_channels)


EXPORTS = (shift8,)


def _mixer(channels: int, spatial: Shape) -> ShiftConv2d:
    return ShiftConv2d(channels, channels)


CARD = Card(
    operators=(ShiftConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Wu, Jiang, Bai and Liu",
            2023,
            "Fully 1times1 Convolutional Network for Lightweight Image Super-Resolution",
            "https://arxiv.org/abs/2307.16140",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case((2, 8, 3, 4), lambda: ShiftConv2d(8, 3)),
        Case((1, 16, 4, 3), lambda: ShiftConv2d(16, 2, bias=False, step=2), {"step": 2}),
    ),
    refuses=(
        BadInput((2, 16, 6, 6), lambda: ShiftConv2d(8, 8), says="C = 8"),
        BadInput((8, 6, 6), lambda: ShiftConv2d(8, 8), says="(B, C, H, W)"),
        BadInput((2, 12, 6, 6), lambda: ShiftConv2d(12, 8), says="multiple of 8"),
        BadInput((2, 8, 6, 6), lambda: ShiftConv2d(8, 8, step=0), says="step of 1 or more"),
    ),
    mixer=_mixer,
)
