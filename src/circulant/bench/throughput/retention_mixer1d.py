"""Retention as a masked square."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_memory import joined, masked_square, normed, per_head
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.retention_mixer1d import RetentionMixer1d


def turned(vectors: Tensor) -> Tensor:
    pairs = vectors.shape[-1] // 2
    angle = torch.arange(vectors.shape[2])[:, None] * 10000.0 ** (-torch.arange(pairs) / pairs)
    even, odd, cos, sin = vectors[..., ::2], vectors[..., 1::2], angle.cos(), angle.sin()
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


def square(module: RetentionMixer1d, x: Tensor) -> Tensor:
    rows, heads = x.transpose(1, 2), module.heads
    q, k, v, gate = (
        per_head(F.linear(rows, layer.weight), heads)
        for layer in (module.query, module.key, module.value, module.gate)
    )
    log_decay = torch.log(1 - 2.0 ** (-5 - torch.arange(heads)))
    read = masked_square(turned(q) / q.shape[-1] ** 0.5, turned(k), v, log_decay)
    read = normed(read, module.norm.weight) * F.silu(gate)
    return F.linear(joined(read), module.output.weight).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: RetentionMixer1d(shape[1]),
    shapes=((4, 64, 256), (1, 64, 1024)),
    obvious={"masked square": square},
    lowered=True,
)
