"""Causal flow attention with running sums and a masked square."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_memory import joined, masked_square, per_head
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.causal_flow_attention1d import CausalFlowAttention1d


def running_sums(module: CausalFlowAttention1d, x: Tensor) -> Tensor:
    rows, eps = x.transpose(1, 2), 1e-6
    q, k, v = (
        per_head(F.linear(rows, layer.weight, layer.bias), module.heads)
        for layer in (module.query, module.key, module.value)
    )
    q, k = q.sigmoid(), k.sigmoid()
    n = torch.arange(1, x.shape[2] + 1)[:, None]
    inflow = ((q + eps) * (k.cumsum(2) + eps)).sum(-1, keepdim=True)
    outflow = ((k + eps) * (q.cumsum(2) + eps)).sum(-1, keepdim=True)
    sink = ((q + eps) * ((k * n / outflow).cumsum(2) + eps)).sum(-1, keepdim=True) / n
    source = ((k + eps) * ((q * n / inflow).cumsum(2) + eps)).sum(-1, keepdim=True) / n
    won = source.clamp(-1, 1).exp()
    read = masked_square(q / inflow, k, v * (won / won.cumsum(2) * n)) * sink.sigmoid()
    return F.linear(joined(read), module.output.weight, module.output.bias).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: CausalFlowAttention1d(shape[1]),
    shapes=((4, 64, 256), (1, 64, 1024)),
    obvious={"running sums": running_sums},
    lowered=True,
)
