"""Attention inside blocks as scaled dot-product attention of folded blocks."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_memory import joined, per_head
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.diag_attention1d import DiagAttention1d


def folded_blocks(module: DiagAttention1d, x: Tensor) -> Tensor:
    B, C, L = x.shape
    rows = x.transpose(1, 2).reshape(B * (L // module.block), module.block, C)
    q, k, v = (
        per_head(F.linear(rows, layer.weight, layer.bias), module.heads)
        for layer in (module.query, module.key, module.value)
    )
    read = joined(F.scaled_dot_product_attention(q, k, v, is_causal=True)).reshape(B, L, C)
    return F.linear(read, module.output.weight, module.output.bias).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: DiagAttention1d(shape[1]),
    shapes=((4, 64, 256), (2, 64, 2048)),
    obvious={"SDPA of blocks": folded_blocks},
    lowered=False,
)
