"""Norm attention as a masked square."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_memory import joined, masked_square, normed, per_head
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.norm_attention1d import NormAttention1d


def square(module: NormAttention1d, x: Tensor) -> Tensor:
    rows, heads = x.transpose(1, 2), module.heads
    q, k, v = (
        per_head(F.linear(rows, layer.weight, layer.bias), heads)
        for layer in (module.query, module.key, module.value)
    )
    read = normed(joined(masked_square(1 + F.elu(q), 1 + F.elu(k), v)), module.norm.weight)
    return F.linear(read, module.output.weight, module.output.bias).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: NormAttention1d(shape[1]),
    shapes=((4, 64, 256), (1, 64, 1024)),
    obvious={"masked square": square},
    lowered=True,
)
