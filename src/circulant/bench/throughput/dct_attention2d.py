"""DCT attention beside cosine matrices and torch's own attention."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.dynamic_spectrum_mixer2d import cosines
from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.dct_attention2d import DctAttention2d, TokenAttention


def _make(shape: Shape) -> DctAttention2d:
    return DctAttention2d(shape[1])


def _matrices(operator: DctAttention2d, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    h, w = operator.kept((H, W))
    rows, columns = cosines(H, x)[:h], cosines(W, x)[:w]
    attention = operator.attention
    assert isinstance(attention, TokenAttention)
    tokens = (rows @ x @ columns.T).flatten(2).transpose(1, 2)
    q, k, v = attention.span(tokens).unflatten(2, (3, attention.heads, -1)).permute(2, 0, 3, 1, 4)
    mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    low = attention.project(mixed).transpose(1, 2).reshape(B, C, h, w)
    return rows.T @ low @ columns


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 16, 16), (2, 64, 56, 56)),
    obvious={"cosine matrices and attention": _matrices},
    lowered=False,
)
