"""The gated delta rule as a loop over chunks, each a triangular system."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_memory import correcting_chunks, joined, normed, per_head
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.gated_delta_net_mixer1d import GatedDeltaNetMixer1d


def loop_over_chunks(module: GatedDeltaNetMixer1d, x: Tensor) -> Tensor:
    rows, heads, source = x.transpose(1, 2), module.heads, module.heads_of
    taps, keys, values = source.conv.weight, heads * module.key_width, heads * module.value_width
    padded = F.pad(F.linear(rows, source.project.weight).transpose(1, 2), (taps.shape[2] - 1, 0))
    filtered = F.silu(F.conv1d(padded, taps, groups=len(taps))).transpose(1, 2)
    q, k, v = (per_head(part, heads) for part in filtered.split([keys, keys, values], -1))
    q, k = (part / (part.square().sum(-1, keepdim=True) + 1e-6).sqrt() for part in (q, k))
    beta = torch.sigmoid(F.linear(rows, module.strength.weight)).transpose(1, 2)
    step = F.softplus(F.linear(rows, module.fade.weight, module.step_bias))
    log_decay = -(module.log_rate.exp() * step).transpose(1, 2)
    read = correcting_chunks(q / module.key_width**0.5, k, v, beta, log_decay)
    gate = per_head(F.linear(rows, module.gate.weight), heads)
    read = normed(read, module.norm.weight) * F.silu(gate)
    return F.linear(joined(read), module.output.weight).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: GatedDeltaNetMixer1d(shape[1]),
    shapes=((4, 64, 256), (2, 64, 2048)),
    obvious={"loop over chunks": loop_over_chunks},
    lowered=True,
)
