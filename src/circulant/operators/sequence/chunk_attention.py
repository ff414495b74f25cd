r"""Softmax attention inside chunks that do not see each other: time and memory linear in the length.

y[l] = sum_{m} softmax_m(q[l] . k[m] / sqrt(D) + bias[l - m]) v[m],   m in the chunk of l, m <= l
"""

from math import inf

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.cost import Cost, matmul_cost


def chunk_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, *, causal: bool = True) -> Tensor:
    """q and k (B, L, D), v (B, L, E), bias (2 chunk - 1) for lags chunk - 1 to 1 - chunk -> (B, L, E)."""
    B, L, _ = q.shape
    chunk = (bias.shape[0] + 1) // 2
    added = bias.to(q.dtype).unfold(0, chunk, 1).flip(0)  # by lag: a row for each query
    added = added + (later_keys(chunk, q) if causal else missing_keys(L, chunk, q).repeat(B, 1, 1))
    return attend_in_chunks(q[:, None], k[:, None], v[:, None], added)[:, 0]


def attend_in_chunks(q: Tensor, k: Tensor, v: Tensor, added: Tensor) -> Tensor:
    """q and k (B, H, L, D), v (B, H, L, E), added to the scores (.., chunk, chunk) -> (B, H, L, E).

    added broadcasts over chunks of all B and H. Queries behind the end of a shorter last chunk are cut off.
    """
    B, H, L, _ = q.shape
    chunk = added.shape[-1]
    end = -L % chunk
    chunks = (L + end) // chunk
    if end or torch.compiler.is_compiling():
        q, k, v = (F.pad(tensor, (0, 0, 0, end)) for tensor in (q, k, v))
    q, k, v = (tensor.unflatten(2, (chunks, chunk)).flatten(0, 2) for tensor in (q, k, v))
    weights = torch.softmax(torch.baddbmm(added, q, k.mT, alpha=q.shape[2] ** -0.5), dim=-1)
    del q, k
    return torch.bmm(weights.to(v.dtype), v).unflatten(0, (B, H, chunks)).flatten(2, 3)[:, :, :L]


def later_keys(chunk: int, like: Tensor) -> Tensor:
    """-inf where the key is later than the query, else 0 -> (chunk, chunk)."""
    return torch.full((chunk, chunk), -inf, dtype=like.dtype, device=like.device).triu(1)


def missing_keys(length: int, chunk: int, like: Tensor) -> Tensor:
    """-inf for keys behind the end -> (chunks, 1, chunk)."""
    chunks = (length + chunk - 1) // chunk
    place = torch.arange(chunks * chunk, device=like.device).view(chunks, 1, chunk)
    return torch.zeros_like(place, dtype=like.dtype).masked_fill(place >= length, -inf)


def chunk_attention_cost(batch: int, length: int, chunk: int, keys: int, values: int) -> Cost:
    """Two products for each chunk."""
    chunks = batch * ((length + chunk - 1) // chunk)
    return (matmul_cost(chunk, keys, chunk) + matmul_cost(chunk, chunk, values)) * chunks
