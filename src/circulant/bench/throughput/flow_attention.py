"""Flow attention as its authors write it: sums and einsum."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_memory import joined, per_head
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.flow_attention import FlowAttention1d


def einsum(module: FlowAttention1d, x: Tensor) -> Tensor:
    rows, eps = x.transpose(1, 2), 1e-6
    q, k, v = (
        per_head(F.linear(rows, layer.weight, layer.bias), module.heads)
        for layer in (module.query, module.key, module.value)
    )
    q, k = q.sigmoid(), k.sigmoid()
    inflow = torch.einsum("bhld,bhd->bhl", q + eps, k.sum(2) + eps)
    outflow = torch.einsum("bhld,bhd->bhl", k + eps, q.sum(2) + eps)
    sink = torch.einsum("bhld,bhd->bhl", q + eps, (k / outflow[..., None]).sum(2) + eps)
    source = torch.einsum("bhld,bhd->bhl", k + eps, (q / inflow[..., None]).sum(2) + eps)
    won = torch.softmax(source.clamp(-1, 1), -1) * x.shape[2]
    memory = torch.einsum("bhld,bhle->bhde", k, v * won[..., None])
    read = torch.einsum("bhld,bhde->bhle", q / inflow[..., None], memory) * sink.sigmoid()[..., None]
    return F.linear(joined(read), module.output.weight, module.output.bias).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: FlowAttention1d(shape[1]),
    shapes=((4, 64, 256), (2, 64, 2048)),
    obvious={"einsum": einsum},
    lowered=False,
)
