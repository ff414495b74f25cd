"""Window attention in four shapes, on feature maps of image compression."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.frequency_decomposition_window_attention2d import (
    FrequencyDecompositionWindowAttention2d,
)


def _make(shape: Shape) -> FrequencyDecompositionWindowAttention2d:
    return FrequencyDecompositionWindowAttention2d(shape[1], 8)


def _sdpa(module: Any, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    heads = module.heads // 4
    qkv = F.conv2d(x, module.qkv.weight).reshape(B, 3, 4, heads, C // module.heads, H, W)
    made = []
    for number, (grid, bias) in enumerate(zip(module.grids, module.bias)):
        h, w = grid.window
        tiles = qkv[:, :, number].reshape(B, 3, heads, -1, H // h, h, W // w, w)
        q, k, v = tiles.permute(1, 0, 4, 6, 2, 5, 7, 3).reshape(3, -1, heads, h * w, C // module.heads)
        down = torch.arange(h)[:, None] - torch.arange(h) + h - 1
        right = torch.arange(w)[:, None] - torch.arange(w) + w - 1
        index = down[:, None, :, None] * (2 * w - 1) + right[None, :, None, :]
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias[:, index.reshape(h * w, h * w)])
        back = y.reshape(B, H // h, W // w, heads, h, w, -1).permute(0, 3, 6, 1, 4, 2, 5)
        made.append(back.reshape(B, C // 4, H, W))
    return F.conv2d(torch.cat(made, 1), module.out.weight, module.out.bias)


ENTRY = Throughput(
    make=_make,
    shapes=((2, 32, 32, 32), (2, 96, 64, 64)),
    obvious={"F.scaled_dot_product_attention": _sdpa},
    lowered=False,
)
