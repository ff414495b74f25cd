r"""Frequency-modulation feed-forward: an MLP at each position, then learnt gains of the frequencies of tiles.

    u = W2 gelu(W1 x + b1) + b2,   y[tile] = irfft2(G * rfft2(u[tile]))

Shapes: x (B, C, H, W) -> y (B, C, H, W); W1 (hidden, C), G (C, tile, tile // 2 + 1, 2) complex, 1 at first,
so that the operator starts as the plain MLP. Tiles do not overlap; in each, every channel is convolved in a
circle with the kernel irfft2(G). Norm and residual belong to the block around.

Where the grid is no multiple of the tile, zeros are laid after its ends and cut off again; the published
code takes multiples only.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.pairs import times
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost, transform_cost
from circulant.engine.transform import irfftn, rfftn
from circulant.operators.spectral.planned_conv2d import PlannedConv2d
from circulant.problems.transform import TransformKind

TILE, RATIO = 16, 4  # published


def reference(x: Tensor, state: dict[str, Tensor], tile: int = TILE) -> Tensor:
    B, C, H, W = x.shape
    hidden = torch.einsum("oc,bchw->bohw", state["expand.weight"][:, :, 0, 0], x)
    hidden = hidden + state["expand.bias"][:, None, None]
    hidden = hidden * (1 + torch.erf(hidden / 2**0.5)) / 2
    u = torch.einsum("oc,bchw->bohw", state["project.weight"][:, :, 0, 0], hidden)
    u = u + state["project.bias"][:, None, None]
    index = torch.arange(tile)
    k, l = index[:, None, None, None], torch.arange(tile // 2 + 1)[:, None, None]
    angle = 2 * torch.pi * (k * index[:, None] + l * index).to(x) / tile
    share = torch.where(2 * l[:, 0, 0] % tile == 0, 1.0, 2.0).to(x) / tile**2
    real, imaginary = (state["gain"] * share[:, None]).unbind(-1)
    kernel = torch.einsum("ckl,klhw->chw", real, angle.cos()) - torch.einsum(
        "ckl,klhw->chw", imaginary, angle.sin()
    )
    rows, columns = -(-H // tile) * tile, -(-W // tile) * tile
    outer = x.new_zeros(B, C, rows, columns)
    outer[:, :, :H, :W] = u
    tiles = outer.reshape(B, C, rows // tile, tile, columns // tile, tile)
    y = torch.zeros_like(tiles)
    for i in range(tile):
        for j in range(tile):
            y = y + kernel[:, i, j, None, None, None, None] * tiles.roll((i, j), (3, 5))
    return y.reshape(outer.shape)[:, :, :H, :W]


@final
class FrequencyModulationFFN2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        tile: int = TILE,
        *,
        ratio: int = RATIO,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(tile, ratio) < 1:
            raise ArgumentError(f"expected tile and ratio of 1 or more, got {tile} and {ratio}")
        self.channels, self.tile, self.hidden = channels, tile, ratio * channels
        self.expand = PlannedConv2d(channels, self.hidden, 1, device=device, dtype=dtype)
        self.project = PlannedConv2d(self.hidden, channels, 1, device=device, dtype=dtype)
        self.gain = nn.Parameter(torch.empty(channels, tile, tile // 2 + 1, 2, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        self.expand.reset_parameters()
        self.project.reset_parameters()
        with torch.no_grad():
            self.gain[..., 0].fill_(1.0)
            self.gain[..., 1].zero_()

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self.modulate(self.project(F.gelu(self.expand(x))))

    def modulate(self, u: Tensor) -> Tensor:
        """The gains alone: u (B, C, H, W) -> the same."""
        (B, C, H, W), n = u.shape, self.tile
        rows, columns = (H + n - 1) // n, (W + n - 1) // n
        if torch.compiler.is_compiling() or (rows * n, columns * n) != (H, W):
            u = F.pad(u, (0, columns * n - W, 0, rows * n - H))
        tiles = u.reshape(B, C, rows, n, columns, n).transpose(3, 4)
        spectrum = rfftn(tiles, 2)
        gain = self.gain.to(spectrum.dtype)[:, None, None]
        made = irfftn(times(spectrum, gain), (n, n)).transpose(3, 4)
        return made.reshape(B, C, rows * n, columns * n)[:, :, :H, :W].to(u.dtype)

    def cost(self, shape: Shape) -> Cost:
        B, C, H, W = shape
        tiles = -(-H // self.tile) * -(-W // self.tile)
        layers = pointwise_cost(shape, self.hidden) + pointwise_cost((B, self.hidden, H, W), C)
        return layers + transform_cost(TransformKind.RFFT, B * C * tiles, self.tile, self.tile) * 2

    def extra_repr(self) -> str:
        return f"{self.channels}, tile={self.tile}"


def _mixer(channels: int, spatial: Shape) -> FrequencyModulationFFN2d:
    return FrequencyModulationFFN2d(channels, min(TILE, *spatial))


CARD = Card(
    operators=(FrequencyModulationFFN2d,),
    reference=reference,
    papers=(
        Paper(
            "Li, Li, Dai, Li, Zou and Xiong",
            2023,
            "Frequency-Aware Transformer for Learned Image Compression",
            "https://arxiv.org/abs/2310.16387",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 6, 9), lambda: FrequencyModulationFFN2d(2, 3), {"tile": 3}),
        Case((1, 3, 5, 4), lambda: FrequencyModulationFFN2d(3, 4, ratio=2), {"tile": 4}),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: FrequencyModulationFFN2d(4), says="C = 4"),
        BadInput((2, 4, 4), lambda: FrequencyModulationFFN2d(4), says="(B, C, H, W)"),
        BadInput((2, 4, 4, 4), lambda: FrequencyModulationFFN2d(4, 0), says="tile and ratio of 1"),
    ),
    mixer=_mixer,
)
