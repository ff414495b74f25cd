r"""Edge-preserving convolution: a depthwise 3x3 kernel trained with Sobel's and Laplace's masks beside it.

    y = w * x + b + sum_i (a_i E_i * x + b_i),   E = Sobel along x, Sobel along y, Laplacian

All is depthwise, cross-correlated and padded with zeros; each channel has its own a_i and b_i.
Shapes: x (B, C, H, W) -> y (B, C, H, W); w (C, 1, 3, 3), scale and shift (3, C).

The kernels are added before they meet the picture: w + sum a_i E_i is one convolution, in training too, and
`fuse` or `reparameterize` keeps nothing else. The masks are the true ones: E_x of x = column is -8, and the
Laplacian of any plane is 0. The published code misplaces a tap of the first (-7) and of the third; what was
trained with it loads after merging there.
"""

from copy import deepcopy
from math import sqrt
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import conv_settings

EDGES = (
    ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0)),
    ((1.0, 2.0, 1.0), (0.0, 0.0, 0.0), (-1.0, -2.0, -1.0)),
    ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0)),
)
"""Sobel along x, Sobel along y and the Laplacian, as they are cross-correlated."""
FIRST_SPREAD = 1e-3  # of scales and shifts


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    y = _correlate(x, state["weight"][:, 0]) + state["bias"][:, None, None]
    if "scale" not in state:
        return y
    smooth, slope, bowl = (1.0, 2.0, 1.0), (1.0, 0.0, -1.0), (1.0, -2.0, 1.0)
    for i in range(3):
        mask = torch.zeros(3, 3)
        for row in range(3):
            for column in range(3):
                if i == 2:
                    mask[row, column] = bowl[row] * (column == 1) + bowl[column] * (row == 1)
                else:
                    along, across = (column, row) if i == 0 else (row, column)
                    mask[row, column] = slope[along] * smooth[across]
        branch = _correlate(x, mask.expand(x.shape[1], 3, 3))
        y = y + state["scale"][i][:, None, None] * branch + state["shift"][i][:, None, None]
    return y


def _correlate(x: Tensor, kernels: Tensor) -> Tensor:
    H, W = x.shape[2:]
    y = torch.zeros_like(x)
    for h in range(H):
        for w in range(W):
            for i in range(3):
                for j in range(3):
                    u, v = h + i - 1, w + j - 1
                    if 0 <= u < H and 0 <= v < W:
                        y[:, :, h, w] = y[:, :, h, w] + kernels[:, i, j] * x[:, :, u, v]
    return y


@final
class EdgePreservingConv2d(Operator):
    ndims = (2,)
    edges: Tensor | None

    def __init__(
        self,
        channels: int,
        *,
        merged: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """merged: built as `fuse` leaves it, to load merged weights into."""
        super().__init__()
        self.channels = channels
        self.settings = conv_settings(2, channels, channels, 3, padding=1, groups=channels)
        edges = torch.tensor(EDGES, device=device, dtype=dtype)

        def empty(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.weight, self.bias = empty(*self.settings.weight_shape), empty(channels)
        self.scale, self.shift = (None if merged else empty(len(EDGES), channels) for _ in range(2))
        self.register_buffer("edges", None if merged else edges, persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Kernel and bias as torch's convolutions, scales and shifts near zero."""
        bound = 1 / sqrt(self.weight[0].numel())
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)
        for parameter in (self.scale, self.shift):
            if parameter is not None:
                nn.init.normal_(parameter, std=FIRST_SPREAD)

    def kernel(self) -> tuple[Tensor, Tensor]:
        """The one kernel (C, 1, 3, 3) and bias (C) that x meets."""
        if self.scale is None or self.shift is None or self.edges is None:
            return self.weight, self.bias
        scaled = self.scale[:, :, None, None] * self.edges[:, None]
        return self.weight + scaled.sum(0)[:, None], self.bias + self.shift.sum(0)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self.settings.convolve(x, *self.kernel())

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Keep the one kernel only, in place."""
        weight, bias = self.kernel()
        self.weight.copy_(weight)
        self.bias.copy_(bias)
        self.scale = self.shift = self.edges = None

    def fuse(self) -> "EdgePreservingConv2d":
        """A merged copy."""
        copy = deepcopy(self)
        copy.reparameterize()
        return copy

    def cost(self, shape: Shape) -> Cost:
        return self.settings.cost(shape)

    def extra_repr(self) -> str:
        return f"{self.channels}, merged={self.scale is None}"


def _mixer(channels: int, spatial: Shape) -> EdgePreservingConv2d:
    return EdgePreservingConv2d(channels)


CARD = Card(
    operators=(EdgePreservingConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Wu, Jiang, Jiang and Liu",
            2024,
            "Transforming Image Super-Resolution: A ConvFormer-based Efficient Approach",
            "https://arxiv.org/abs/2401.05633",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.DEPTHWISE}),
    cases=(
        Case((2, 3, 4, 5), lambda: EdgePreservingConv2d(3)),
        Case((1, 2, 3, 2), lambda: EdgePreservingConv2d(2, merged=True)),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: EdgePreservingConv2d(3), says="C = 3"),
        BadInput((3, 8, 8), lambda: EdgePreservingConv2d(3), says="(B, C, H, W)"),
    ),
    mixer=_mixer,
)
