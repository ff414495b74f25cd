"""The delta rule as a loop over chunks, each a triangular system."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_memory import correcting_chunks, joined, normed, per_head
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.delta_rule_mixer1d import DeltaRuleMixer1d


def loop_over_chunks(module: DeltaRuleMixer1d, x: Tensor) -> Tensor:
    rows, heads, source = x.transpose(1, 2), module.heads, module.heads_of
    taps = source.conv.weight
    padded = F.pad(F.linear(rows, source.project.weight).transpose(1, 2), (taps.shape[2] - 1, 0))
    filtered = F.silu(F.conv1d(padded, taps, groups=len(taps))).transpose(1, 2)
    q, k, v = (per_head(part, heads) for part in filtered.chunk(3, -1))
    q, k = (part / (part.square().sum(-1, keepdim=True) + 1e-6).sqrt() for part in (q, k))
    beta = torch.sigmoid(F.linear(rows, module.strength.weight)).transpose(1, 2)
    read = normed(correcting_chunks(q / q.shape[-1] ** 0.5, k, v, beta), module.norm.weight)
    return F.linear(joined(read), module.output.weight).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: DeltaRuleMixer1d(shape[1]),
    shapes=((4, 64, 256), (2, 64, 2048)),
    obvious={"loop over chunks": loop_over_chunks},
    lowered=True,
)
