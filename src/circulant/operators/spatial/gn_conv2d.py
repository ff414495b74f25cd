r"""Recursive gated convolution: neighbourhoods multiplied again and again, on ever more channels.

    [p_0, q_0, .., q_(n-1)] = W x + b,   q'_k = s (w * q)_k
    p_1 = p_0 q'_0,   p_(k+1) = (G_k p_k + g_k) q'_k  for k = 1 .. n-1,   y = V p_n + v

for order n. q_k has C / 2^(n-1-k) channels, p_0 as many as q_0; G_k doubles them. w * q is one depthwise
convolution of all q together or, with a grid, one global-local filter of them.
Shapes: x (B, C, H, W) -> y (B, C, H, W); W (2 C, C), V (C, C), G_k (C / 2^(n-1-k), C / 2^(n-k)).

Without biases it is homogeneous of degree n + 1. Order 1 is a plain gated convolution; order 2 has as
many products of x as attention. Networks use s = 1/3.
"""

from itertools import pairwise
from typing import cast, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.operators.spatial.global_local_filter2d import GlobalLocalFilter2d

MIXER_SCALE = 1 / 3


def reference(x: Tensor, state: dict[str, Tensor], order: int, scale: float = 1.0) -> Tensor:
    C = x.shape[1]
    start = C >> (order - 1)
    expanded = _linear(x, state, "expand")
    y, seen = expanded[:, :start], _correlate(expanded[:, start:], state["neighbours.weight"])
    if "neighbours.bias" in state:
        seen = seen + state["neighbours.bias"][:, None, None]
    start = 0
    for k in range(order):
        width = C >> (order - 1 - k)
        y = _linear(y, state, f"gates.{k - 1}") if k else y
        y = y * scale * seen[:, start : start + width]
        start += width
    return _linear(y, state, "project")


def _linear(z: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    y = torch.einsum("oi,bihw->bohw", state[f"{name}.weight"][..., 0, 0], z)
    return y + state[f"{name}.bias"][:, None, None] if f"{name}.bias" in state else y


def _correlate(x: Tensor, weight: Tensor) -> Tensor:
    """Each channel with its own kernel; zeros around."""
    (H, W), K = x.shape[2:], weight.shape[-1]
    y = torch.zeros_like(x)
    for h in range(H):
        for w in range(W):
            for i in range(K):
                for j in range(K):
                    u, v = h + (i - K // 2), w + (j - K // 2)
                    if 0 <= u < H and 0 <= v < W:
                        y[:, :, h, w] += weight[:, 0, i, j] * x[:, :, u, v]
    return y


@final
class GnConv2d(Operator):
    """scale: s. grid: None, or the size for which global-local filters are stored in place of the kernels."""

    ndims = (2,)

    def __init__(
        self,
        channels: int,
        order: int = 5,
        kernel_size: int = 7,
        *,
        scale: float = 1.0,
        bias: bool = True,
        grid: int | tuple[int, int] | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if order < 1 or channels < 1 or channels % 2 ** (order - 1):
            raise ArgumentError(
                f"expected an order of 1 or more and channels that are a multiple of 2^(order - 1), "
                f"got order = {order} and channels = {channels}"
            )
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        self.channels, self.scale = channels, scale
        self.widths = tuple(channels >> halvings for halvings in reversed(range(order)))
        total = sum(self.widths)
        self.expand = nn.Conv2d(channels, 2 * channels, 1, bias=bias, device=device, dtype=dtype)
        self.neighbours: DepthwiseConv2d | GlobalLocalFilter2d = (
            DepthwiseConv2d(total, (kernel_size,) * 2, bias=bias, device=device, dtype=dtype)
            if grid is None
            else GlobalLocalFilter2d(total, grid, device=device, dtype=dtype)
        )
        self.gates = nn.ModuleList(
            nn.Conv2d(ins, outs, 1, bias=bias, device=device, dtype=dtype)
            for ins, outs in pairwise(self.widths)
        )
        self.project = nn.Conv2d(channels, channels, 1, bias=bias, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        first, rest = self.expand(x).split((self.widths[0], sum(self.widths)), 1)
        factor, *factors = self.neighbours(rest).split(self.widths, 1)
        y = first * self.scale * factor
        for layer, factor in zip(self.gates, factors):
            gate = cast(nn.Conv2d, layer)
            # the scale of a factor goes into the small weights of its gate, not over all positions
            bias = None if gate.bias is None else self.scale * gate.bias
            y = F.conv2d(y, self.scale * gate.weight, bias) * factor
        return self.project(y)

    def cost(self, shape: Shape) -> Cost:
        def widened(channels: int) -> Shape:
            return (shape[0], channels, *shape[2:])

        total = pointwise_cost(shape, 2 * self.channels) + self.neighbours.cost(widened(sum(self.widths)))
        for ins, outs in pairwise(self.widths):
            total += pointwise_cost(widened(ins), outs)
        return total + pointwise_cost(shape, self.channels)

    def extra_repr(self) -> str:
        return f"{self.channels}, order={len(self.widths)}, scale={self.scale:g}"


def _mixer(channels: int, spatial: Shape) -> GnConv2d:
    halvings = (channels & -channels).bit_length() - 1
    return GnConv2d(channels, min(3, halvings + 1), scale=MIXER_SCALE)


CARD = Card(
    operators=(GnConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Rao, Zhao, Tang, Zhou, Lim and Lu",
            2022,
            "HorNet: Efficient High-Order Spatial Interactions with Recursive Gated Convolutions",
            "https://arxiv.org/abs/2207.14284",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 3, 4), lambda: GnConv2d(4, 3, 3), {"order": 3}),
        Case((1, 2, 4, 3), lambda: GnConv2d(2, 2, 5, scale=0.5, bias=False), {"order": 2, "scale": 0.5}),
        Case((2, 3, 2, 5), lambda: GnConv2d(3, 1, 3), {"order": 1}),
    ),
    refuses=(
        BadInput((2, 6, 4, 4), lambda: GnConv2d(4, 2), says="C = 4"),
        BadInput((2, 4, 4), lambda: GnConv2d(4, 2), says="(B, C, H, W)"),
        BadInput((2, 6, 4, 4), lambda: GnConv2d(6, 3), says="multiple of 2^(order - 1)"),
        BadInput((2, 4, 4, 4), lambda: GnConv2d(4, 2, 4), says="odd kernel_size"),
    ),
    mixer=_mixer,
)
