r"""The first WaveMix block: every level's wavelet bands through one network, each brought back on its own.

    low_0 = W_r x + b_r,   low_l = LL of low_(l-1),   d_l = its four Haar bands (C channels at 1 / 2^l)
    u_l = up_l(W2 gelu(W1 d_l + b1) + b2),   y = bn(gelu(depthwise5x5([u_1, .., u_levels])))

W1 and W2 are shared by all levels; up_l is a transposed convolution of 2^l + 2 taps along each axis and
stride 2^l to C / levels channels. Shapes: x (B, C, H, W) -> y (B, C, H, W). The residual x + block(x) belongs
to the network around the block.

Later blocks (`WaveMixBlock2d`) hand the coarse result to the finer level. Bands of a channel are neighbours,
and sizes that are no multiple of 2^levels are padded with zeros at the end, as there.
"""

from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product
from circulant.engine.costs import convolution_problem, pointwise_cost, problem_cost
from circulant.operators.spectral.band_mixer import require_block, up_cost
from circulant.operators.spectral.haar_dwt import haar_pyramid


def reference(x: Tensor, state: dict[str, Tensor], levels: int = 4, training: bool = False) -> Tensor:
    H, W = x.shape[2:]

    def pointwise(z: Tensor, name: str) -> Tensor:
        kernel, bias = state[f"{name}.weight"][..., 0, 0], state[f"{name}.bias"]
        return torch.einsum("oi,bihw->bohw", kernel, z) + bias[:, None, None]

    def gelu(z: Tensor) -> Tensor:
        return z * (1 + torch.erf(z / 2**0.5)) / 2

    low = pointwise(x, "reduce")
    rows, columns = (-(-n // 2**levels) * 2**levels for n in (H, W))
    low = torch.cat([low, low.new_zeros(*low.shape[:2], rows - H, W)], 2)
    low = torch.cat([low, low.new_zeros(*low.shape[:3], columns - W)], 3)
    parts = []
    for level in range(1, levels + 1):
        a, b, c, d = (low[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1))
        bands = torch.stack([a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d], 2) / 2
        low = bands[:, :, 0]
        hidden = pointwise(gelu(pointwise(bands.reshape(len(x), -1, *low.shape[2:]), "expand")), "project")
        (h, w), step, kernel = hidden.shape[2:], 2**level, state[f"ups.{level - 1}.weight"]
        spread = x.new_zeros(len(x), kernel.shape[1], step * h + 2, step * w + 2)
        for i in range(step + 2):
            for j in range(step + 2):
                tap = torch.einsum("io,bihw->bohw", kernel[:, :, i, j], hidden)
                spread[:, :, i : i + step * h : step, j : j + step * w : step] += tap
        parts.append(spread[:, :, 1:-1, 1:-1] + state[f"ups.{level - 1}.bias"][:, None, None])
    mixed = gelu(_neighbours(torch.cat(parts, 1)[:, :, :H, :W], state))
    mean, variance = state["norm.running_mean"], state["norm.running_var"]
    if training:
        mean, variance = mixed.mean((0, 2, 3)), mixed.var((0, 2, 3), correction=0)
    scale = state["norm.weight"] / (variance + 1e-5).sqrt()
    return (mixed - mean[:, None, None]) * scale[:, None, None] + state["norm.bias"][:, None, None]


def _neighbours(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    H, W = x.shape[2:]
    around = x.new_zeros(*x.shape[:2], H + 4, W + 4)
    around[:, :, 2:-2, 2:-2] = x
    y = state["depthwise.bias"][:, None, None].expand(x.shape)
    for i in range(5):
        for j in range(5):
            tap = state["depthwise.weight"][:, 0, i, j, None, None]
            y = y + tap * around[:, :, i : i + H, j : j + W]
    return y


@final
class WaveMixBlock2dV1(Operator):
    """hidden: channels before the transposed convolutions, the authors' ff_channel; None for C."""

    ndims = (2,)

    def __init__(
        self,
        channels: int,
        levels: int = 4,
        *,
        expansion: int = 2,
        hidden: int | None = None,
        dropout: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_block(channels, levels)
        if channels % levels:
            raise ArgumentError(f"expected levels as a divisor of channels = {channels}, got {levels}")
        self.channels, self.levels, self.expanded = channels, levels, expansion * channels
        self.hidden = channels if hidden is None else hidden
        settings: dict[str, Any] = {"device": device, "dtype": dtype}
        self.reduce = nn.Conv2d(channels, channels // 4, 1, **settings)
        self.expand = nn.Conv2d(channels, self.expanded, 1, **settings)
        self.project = nn.Conv2d(self.expanded, self.hidden, 1, **settings)
        self.dropout = nn.Dropout(dropout)
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(self.hidden, channels // levels, step + 2, step, padding=1, **settings)
            for step in (2 << level for level in range(levels))
        )
        self.depthwise = nn.Conv2d(channels, channels, 5, padding=2, groups=channels, **settings)
        self.norm = nn.BatchNorm2d(channels, **settings)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        parts = []
        for bands, up in zip(haar_pyramid(self.reduce(x), self.levels), self.ups):
            hidden = self.dropout(nn.functional.gelu(self.expand(bands)))
            parts.append(up(self.dropout(self.project(hidden))))
        joined = torch.cat(parts, 1)[:, :, : x.shape[2], : x.shape[3]]
        y: Tensor = self.norm(nn.functional.gelu(self.depthwise(joined)))
        return y

    def cost(self, shape: Shape) -> Cost:
        B, C, *spatial = shape
        depthwise = convolution_problem(shape, (C, 1, 5, 5), padding=((2, 2), (2, 2)), groups=C)
        total = pointwise_cost(shape, C // 4) + problem_cost(depthwise)
        step = 2**self.levels
        for level in range(1, self.levels + 1):
            grid = tuple(-(-n // step) * (step >> level) for n in spatial)
            bands = Cost(0.0, 8.0 * B * C * product(grid))
            total += bands + pointwise_cost((B, C, *grid), self.expanded)
            total += pointwise_cost((B, self.expanded, *grid), self.hidden)
            total += up_cost((B, self.hidden, *grid), C // self.levels, level)
        return total

    def extra_repr(self) -> str:
        return f"{self.channels}, levels={self.levels}, hidden={self.hidden}"


def _mixer(channels: int, spatial: Shape) -> WaveMixBlock2dV1:
    """No level coarser than the grid, and C / levels whole."""
    fitting = [n for n in (4, 2, 1) if channels % n == 0 and 2**n <= max(2, min(spatial))]
    return WaveMixBlock2dV1(channels, fitting[0])


CARD = Card(
    operators=(WaveMixBlock2dV1,),
    reference=reference,
    papers=(
        Paper(
            "Jeevan and Sethi",
            2022,
            "WaveMix: Resource-efficient Token Mixing for Images",
            "https://arxiv.org/abs/2203.03689",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((1, 4, 4, 3), lambda: WaveMixBlock2dV1(4, 2, expansion=1), {"levels": 2}),
        Case((2, 4, 3, 2), lambda: WaveMixBlock2dV1(4, 1, hidden=2), {"levels": 1}),
    ),
    refuses=(
        BadInput((2, 8, 4, 4), lambda: WaveMixBlock2dV1(4), says="C = 4"),
        BadInput((2, 4, 4), lambda: WaveMixBlock2dV1(4), says="(B, C, H, W)"),
        BadInput((2, 8, 4, 4), lambda: WaveMixBlock2dV1(8, 3), says="divisor of channels = 8"),
    ),
    mixer=_mixer,
)
