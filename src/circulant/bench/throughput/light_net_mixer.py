"""LightNet on a grid as two matrix products."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_memory import joined, normed, per_head
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.light_net_mixer import LightNetMixer2d


def two_products(module: LightNetMixer2d, x: Tensor) -> Tensor:
    rows = x.flatten(2).transpose(1, 2)
    q, k, v = (
        per_head(F.linear(rows, layer.weight), module.heads)
        for layer in (module.query, module.key, module.value)
    )
    read = normed(joined(F.silu(q) @ (torch.softmax(k, 2).mT @ v)), module.norm.weight)
    gate = F.linear(F.linear(rows, module.gate_down.weight), module.gate_up.weight)
    return F.linear(read * F.silu(gate), module.output.weight).transpose(1, 2).reshape(x.shape)


ENTRY = Throughput(
    make=lambda shape: LightNetMixer2d(shape[1], 4, key_width=16, gate_rank=16),
    shapes=((4, 64, 16, 16), (2, 64, 48, 48)),
    obvious={"two products": two_products},
    lowered=False,
)
