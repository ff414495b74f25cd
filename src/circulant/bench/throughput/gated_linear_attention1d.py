"""Gated linear attention as a loop over short chunks."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_memory import fading_chunks, joined, normed, per_head
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.gated_linear_attention1d import GatedLinearAttention1d


def loop_over_chunks(module: GatedLinearAttention1d, x: Tensor) -> Tensor:
    rows, heads = x.transpose(1, 2), module.heads
    q, k, v, gate = (
        per_head(F.linear(rows, layer.weight), heads)
        for layer in (module.query, module.key, module.value, module.gate)
    )
    slow = F.linear(F.linear(rows, module.fade_down.weight), module.fade_up.weight, module.fade_up.bias)
    read = fading_chunks(q / q.shape[-1] ** 0.5, k, v, per_head(F.logsigmoid(slow) / 16, heads))
    read = normed(read, module.norm.weight) * F.silu(gate)
    return F.linear(joined(read), module.output.weight).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: GatedLinearAttention1d(shape[1]),
    shapes=((4, 64, 256), (2, 64, 2048)),
    obvious={"loop over chunks": loop_over_chunks},
    lowered=True,
)
