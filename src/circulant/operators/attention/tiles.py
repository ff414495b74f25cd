"""Local attention by tiles: queries that lie together share one gathered set of keys and one matrix product.

Tokens are (B, N, C), a map read row by row. Tiles are (B, heads, T U, r s, C / heads): T of them down and U
across, each of r rows and s columns.
"""

import torch
from torch import Tensor


def places(rows: Tensor, columns: Tensor, width: int) -> Tensor:
    """Of the tokens at rows (T, r) and columns (U, s) in a map of that width -> (T U, r s)."""
    at = width * rows[:, None, :, None] + columns[None, :, None, :]
    return at.reshape(rows.shape[0] * columns.shape[0], rows.shape[1] * columns.shape[1])


def gather(tokens: Tensor, at: Tensor, heads: int) -> Tensor:
    """The tokens (B, N, C) at those places (T U, r s) -> tiles."""
    B, C = tokens.shape[0], tokens.shape[2]
    picked = tokens.index_select(1, at.flatten()).reshape(B, *at.shape, heads, C // heads)
    return picked.permute(0, 3, 1, 2, 4)


def merge(tiles: Tensor, rows: Tensor, columns: Tensor, height: int, width: int) -> Tensor:
    """Tiles of the queries at rows (T, r) and columns (U, s), none twice -> tokens (B, height width, C)."""
    (r, U, s), (B, heads, G, n, d) = (rows.shape[1], *columns.shape), tiles.shape
    row, column = torch.arange(height, device=rows.device)[:, None], torch.arange(width, device=rows.device)
    order = (row // r * U + column // s) * n + row % r * s + column % s
    tokens = tiles.permute(0, 2, 3, 1, 4).reshape(B, G * n, heads * d)
    return tokens.index_select(1, order.flatten())


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """softmax(q k + bias) v in each tile; a bias of -inf hides the key from the query."""
    weight = torch.softmax(q @ k.mT + bias, -1)
    return weight.to(v.dtype) @ v
