r"""Neighbourhood attention: each pixel attends to the K x K window around it, as a convolution looks.

    y_i = sum_(j in N(i)) softmax_j(q_i k_j / sqrt(d) + b[j - i]) v_j,   d = C / heads

Shapes: x (B, C, H, W) -> y (B, C, H, W); b (heads, 2 K - 1, 2 K - 1). H and W must be at least K.

Near a border the window is moved inside instead of being cut: every pixel has K^2 keys, and offsets j - i
reach K - 1 to either side. An even window looks one pixel further back than ahead. q, k and v are linear in
x, and a last linear map mixes the heads. Keys are gathered once for each tile of K x K queries, which makes
(2 - 1 / K)^2 keys per pixel and not K^2.
"""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.operators.attention.tiles import attend, gather, merge, places

HEAD_CHANNELS = 16  # of the mixer, where the width allows


def reference(x: Tensor, state: dict[str, Tensor], kernel_size: int, heads: int = 1) -> Tensor:
    C, H, W = x.shape[1:]
    d = C // heads
    weight, out = state["qkv.weight"].reshape(3, heads, d, C), state["out.weight"].reshape(C, heads, d)
    q, k, v = torch.einsum("nhdc,bcyx->nbhdyx", weight, x)
    if "qkv.bias" in state:
        q, k, v = (a + b.reshape(heads, d, 1, 1) for a, b in zip((q, k, v), state["qkv.bias"].chunk(3)))
    y = torch.zeros_like(x)
    for i in range(H):
        for j in range(W):
            top = min(max(i - kernel_size // 2, 0), H - kernel_size)
            left = min(max(j - kernel_size // 2, 0), W - kernel_size)
            scores = {}
            for m in range(top, top + kernel_size):
                for n in range(left, left + kernel_size):
                    bias = state["relative_bias"][:, m - i + kernel_size - 1, n - j + kernel_size - 1]
                    scores[m, n] = torch.exp((q[..., i, j] * k[..., m, n]).sum(2) / d**0.5 + bias)
            total = torch.stack(list(scores.values())).sum(0)
            mixed = sum((score / total)[..., None] * v[..., m, n] for (m, n), score in scores.items())
            y[:, :, i, j] = torch.einsum("chd,bhd->bc", out, mixed) + state.get("out.bias", 0)
    return y


@final
@dataclass(frozen=True, slots=True)
class AxisTiles:
    """Tiles of queries along one axis; positions that would lie outside repeat the last one inside."""

    queries: Tensor  # (T, q)
    keys: Tensor  # (T, k): all that the windows of the tile reach
    offsets: Tensor  # (T, q, k): key less query, counted from 0; past the last where the window ends before


def axis_tiles(length: int, window: int, device: torch.device) -> AxisTiles:
    """Tiles of `window` queries each."""
    first = window * torch.arange(-(-length // window), device=device)
    queries = (first[:, None] + torch.arange(window, device=device)).clamp(max=length - 1)
    start = (queries - window // 2).clamp(0, length - window)
    keys = start[:, :1] + torch.arange(min(length, 2 * window - 1), device=device)
    within = keys[:, None] - start[..., None]
    meets = (within >= 0) & (within < window)
    offsets = torch.where(meets, keys[:, None] - queries[..., None] + window - 1, 2 * window - 1)
    return AxisTiles(queries, keys.clamp(max=length - 1), offsets)


@final
class NeighborhoodAttention2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 7,
        heads: int = 1,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ArgumentError(f"expected heads to divide channels = {channels}, got {heads}")
        if kernel_size < 1:
            raise ArgumentError(f"expected kernel_size of 1 or more, got {kernel_size}")
        self.channels, self.kernel_size, self.heads = channels, kernel_size, heads
        self.qkv = nn.Linear(channels, 3 * channels, bias, device=device, dtype=dtype)
        self.out = nn.Linear(channels, channels, bias, device=device, dtype=dtype)
        offsets = (heads, 2 * kernel_size - 1, 2 * kernel_size - 1)
        self.relative_bias = nn.Parameter(torch.empty(offsets, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.trunc_normal_(self.relative_bias, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        H, W = x.shape[2:]
        K = self.kernel_size
        if min(H, W) < K:
            raise ShapeError(f"expected x (B, C, H, W) with H and W of at least {K}, got x {tuple(x.shape)}")
        rows, columns = axis_tiles(H, K, x.device), axis_tiles(W, K, x.device)
        q, kv = self.qkv(x.flatten(2).mT).split((self.channels, 2 * self.channels), -1)
        queries = gather(q, places(rows.queries, columns.queries, W), self.heads)
        keys, values = gather(kv, places(rows.keys, columns.keys, W), 2 * self.heads).chunk(2, 1)
        scale = (self.channels // self.heads) ** -0.5
        tiles = attend(queries * scale, keys, values, self._bias(rows.offsets, columns.offsets))
        return self.out(merge(tiles, rows.queries, columns.queries, H, W)).mT.unflatten(2, (H, W))

    def _bias(self, rows: Tensor, columns: Tensor) -> Tensor:
        """By the offsets (T, q, k) of the rows and (U, q, k) of the columns -> (heads, T U, q q, k k)."""
        table = F.pad(self.relative_bias, (0, 1, 0, 1), value=-torch.inf)  # past the last: not in the window
        bias = table[:, rows[:, None, :, None, :, None], columns[None, :, None, :, None, :]]
        heads, T, U, q, p, k, m = bias.shape
        return bias.reshape(heads, T * U, q * p, k * m)

    def cost(self, shape: Shape) -> Cost:
        B, C, H, W = shape
        K, d = self.kernel_size, C // self.heads
        tiles = B * self.heads * -(-H // K) * -(-W // K)
        keys = min(H, 2 * K - 1) * min(W, 2 * K - 1)
        projections = matmul_cost(B * H * W, C, 3 * C) + matmul_cost(B * H * W, C, C)
        return projections + (matmul_cost(K**2, d, keys) + matmul_cost(K**2, keys, d)) * tiles

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={self.kernel_size}, heads={self.heads}"


def _mixer(channels: int, spatial: Shape) -> Operator:
    heads = channels // HEAD_CHANNELS if channels % HEAD_CHANNELS == 0 else 1
    return NeighborhoodAttention2d(channels, min(7, *spatial), heads)


CARD = Card(
    operators=(NeighborhoodAttention2d,),
    reference=reference,
    papers=(
        Paper(
            "Wu, Jiang, Bai and Liu",
            2023,
            "Incorporating Transformer Designs into Convolutions for Lightweight Image Super-Resolution",
            "https://arxiv.org/abs/2303.14324",
        ),
        Paper(
            "Hassani, Walton, Li, Li and Shi",
            2022,
            "Neighborhood Attention Transformer",
            "https://arxiv.org/abs/2204.07143",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 3, 5, 6), lambda: NeighborhoodAttention2d(3, 3), {"kernel_size": 3}),
        Case(
            (2, 4, 5, 3),
            lambda: NeighborhoodAttention2d(4, 2, 2, bias=False),
            {"kernel_size": 2, "heads": 2},
        ),
        Case((2, 3, 4, 6), lambda: NeighborhoodAttention2d(3, 4, 3), {"kernel_size": 4, "heads": 3}),
    ),
    refuses=(
        BadInput((2, 5, 8, 8), lambda: NeighborhoodAttention2d(4), says="C = 4"),
        BadInput((2, 4, 8, 6), lambda: NeighborhoodAttention2d(4), says="H and W of at least 7"),
        BadInput((2, 4, 8, 8), lambda: NeighborhoodAttention2d(4, heads=3), says="heads"),
    ),
    mixer=_mixer,
)
