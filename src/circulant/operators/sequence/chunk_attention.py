r"""Softmax attention inside chunks that do not see each other: time and memory linear in the length.

y[l] = sum_{m} softmax_m(q[l] . k[m] / sqrt(D) + bias[l - m]) v[m],   m in the chunk of l, m <= l
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.cost import Cost, matmul_cost


def chunk_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, *, causal: bool = True) -> Tensor:
    """q and k (B, L, D), v (B, L, E), bias (2 chunk - 1) for lags chunk - 1 to 1 - chunk -> (B, L, E)."""
    L, chunk = q.shape[1], (bias.shape[0] + 1) // 2
    chunks = (L + chunk - 1) // chunk
    end = chunks * chunk - L
    q, k, v = (F.pad(tensor, (0, 0, 0, end)).unflatten(1, (chunks, chunk)) for tensor in (q, k, v))
    position = torch.arange(chunk, device=q.device)
    lag = position[:, None] - position
    scores = q @ k.mT * q.shape[-1] ** -0.5 + bias[chunk - 1 - lag].to(q.dtype)
    real = torch.arange(chunks * chunk, device=q.device).unflatten(0, (chunks, 1, chunk)) < L
    # a query of the padding may see itself alone: no row is without a key
    seen = (lag >= 0) & (real | (lag == 0)) if causal else real | (lag == 0)
    weights = scores.masked_fill(~seen, float("-inf")).softmax(-1)
    return (weights.to(v.dtype) @ v).flatten(1, 2)[:, :L]


def chunk_attention_cost(batch: int, length: int, chunk: int, keys: int, values: int) -> Cost:
    """Two products for each chunk."""
    chunks = batch * ((length + chunk - 1) // chunk)
    return (matmul_cost(chunk, keys, chunk) + matmul_cost(chunk, chunk, values)) * chunks
