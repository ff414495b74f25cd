r"""DCT attention: self-attention among the lowest cosine coefficients of a picture.

    X = dct2(x)[:, :, :h, :w],   h = ceil(keep H), w = ceil(keep W);   tokens: the h w coefficients
    y = idct2(zeros around W_o concat_heads softmax(q k^T / sqrt(d)) v),   q, k, v = W_q X, W_k X, W_v X

Shapes: x (B, C, H, W) -> y (B, C, H, W); attention.span (3 C, C) holds W_q, W_k, W_v. What lies above the
kept frequencies is dropped. Keeping a share r of each side takes r^4 of the products of tokens with tokens,
and r^2 of those with weights. The share that the authors keep could not be looked up; it is a half of each
side here.
"""

from math import ceil
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.attention import attention
from circulant.engine.cosine_transform import dct, idct
from circulant.engine.costs import transform_cost
from circulant.problems.transform import TransformKind


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 2, keep: float = 0.5) -> Tensor:
    _, C, H, W = x.shape
    h, w = -int(-keep * H // 1), -int(-keep * W // 1)
    rows, columns = torch.arange(H) + 0.5, torch.arange(W) + 0.5
    waves = []
    for u in range(h):
        for v in range(w):
            wave = torch.cos(torch.pi * u * rows / H)[:, None] * torch.cos(torch.pi * v * columns / W)
            waves.append(wave.to(x) * ((1 + (u > 0)) * (1 + (v > 0)) / (H * W)) ** 0.5)
    tokens = torch.stack([(x * wave).sum((2, 3)) for wave in waves], 1)
    q, k, v = (tokens @ state["attention.span.weight"].T + state["attention.span.bias"]).split(C, 2)
    mixed = torch.zeros_like(tokens)
    for head in range(heads):
        part = slice(head * C // heads, (head + 1) * C // heads)
        scores = torch.exp(q[:, :, part] @ k[:, :, part].transpose(1, 2) / (C // heads) ** 0.5)
        mixed[:, :, part] = scores / scores.sum(2, keepdim=True) @ v[:, :, part]
    mixed = mixed @ state["attention.project.weight"].T + state["attention.project.bias"]
    return sum(mixed[:, n, :, None, None] * wave for n, wave in enumerate(waves))


LARGEST_PRODUCT = 256  # samples along a side; up to here a product with the kept cosines beats a transform


class TokenAttention(nn.Module):
    """Multi-head self-attention of tokens (B, T, C)."""

    def __init__(
        self, channels: int, heads: int, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> None:
        super().__init__()
        self.heads = heads
        self.span = nn.Linear(channels, 3 * channels, device=device, dtype=dtype)
        self.project = nn.Linear(channels, channels, device=device, dtype=dtype)

    def forward(self, tokens: Tensor) -> Tensor:
        B, T, C = tokens.shape
        q, k, v = self.span(tokens).reshape(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        mixed: Tensor = self.project(attention(q, k, v).transpose(1, 2).reshape(B, T, C))
        return mixed


def cosines(kept: int, n: int, device: torch.device) -> Tensor:
    """The first rows (kept, n) of the orthonormal DCT-II, in float64."""
    k = torch.arange(kept, dtype=torch.float64, device=device) * (torch.pi / n)
    waves = torch.outer(k, torch.arange(n, dtype=torch.float64, device=device) + 0.5).cos()
    waves[0] = 0.5**0.5
    return waves * (2 / n) ** 0.5


@final
class DctAttention2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        heads: int = 4,
        keep: float = 0.5,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ArgumentError(f"expected heads as a divisor of channels = {channels}, got {heads}")
        if not 0 < keep <= 1:
            raise ArgumentError(f"expected keep as a share of each side in (0, 1], got {keep}")
        self.channels, self.heads, self.keep = channels, heads, keep
        self.attention: nn.Module = TokenAttention(channels, heads, device, dtype)

    def kept(self, size: Shape) -> Shape:
        """Frequencies along each axis of a picture of that size."""
        return tuple(ceil(self.keep * n) for n in size)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        H, W = x.shape[2:]
        h, w = self.kept((H, W))
        if max(H, W) > LARGEST_PRODUCT:
            mixed = self._mixed(dct(x, 2)[:, :, :h, :w])
            return idct(F.pad(mixed, (0, W - w, 0, H - h)), 2)
        wide = torch.promote_types(x.dtype, torch.float32)
        down, across = cosines(h, H, x.device).to(wide), cosines(w, W, x.device).to(wide)
        low = down @ (x.to(wide) @ across.T)
        return ((down.T @ self._mixed(low.to(x.dtype)).to(wide)) @ across).to(x.dtype)

    def _mixed(self, low: Tensor) -> Tensor:
        """Coefficients (B, C, h, w), each of which is a token, after attention."""
        tokens: Tensor = self.attention(low.flatten(2).mT)
        return tokens.mT.reshape(low.shape)

    def cost(self, shape: Shape) -> Cost:
        B, C, *size = shape
        (H, W), (h, w) = size, self.kept(tuple(size))
        if max(H, W) > LARGEST_PRODUCT:
            transforms = transform_cost(TransformKind.COSINE, B * C, H, W) * 2
        else:
            transforms = (matmul_cost(B * C * H, W, w) + matmul_cost(h, H, B * C * w)) * 2
        tokens, width = h * w, C // self.heads
        weights = matmul_cost(B * tokens, C, 3 * C) + matmul_cost(B * tokens, C, C)
        among = matmul_cost(tokens, width, tokens) + matmul_cost(tokens, tokens, width)
        return transforms + weights + among * (B * self.heads)

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}, keep={self.keep}"


def _mixer(channels: int, spatial: Shape) -> DctAttention2d:
    return DctAttention2d(channels, next(heads for heads in (4, 2, 1) if channels % heads == 0))


CARD = Card(
    operators=(DctAttention2d,),
    reference=reference,
    papers=(
        Paper(
            "Ranjbar, Mohebbi, Cherakhloo and Vosoughi Vahdat",
            2024,
            "DCT-HistoTransformer: Efficient Lightweight Vision Transformer with DCT Integration for "
            "histopathological image analysis",
            "https://arxiv.org/abs/2410.19166",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 3, 4), lambda: DctAttention2d(4, 2)),
        Case((1, 2, 2, 3), lambda: DctAttention2d(2, 1, 1.0), {"heads": 1, "keep": 1.0}),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: DctAttention2d(4), says="C = 4"),
        BadInput((2, 4, 4), lambda: DctAttention2d(4), says="(B, C, H, W)"),
        BadInput((2, 4, 4, 4), lambda: DctAttention2d(4, 3), says="divisor of channels = 4"),
        BadInput((2, 4, 4, 4), lambda: DctAttention2d(4, 2, 0.0), says="share of each side"),
    ),
    mixer=_mixer,
)
