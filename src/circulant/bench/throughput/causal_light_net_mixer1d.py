"""The additive recurrence as a loop over short chunks."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_memory import fading_chunks, joined, normed, per_head
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.causal_light_net_mixer1d import CausalLightNetMixer1d


def loop_over_chunks(module: CausalLightNetMixer1d, x: Tensor) -> Tensor:
    rows, heads = x.transpose(1, 2), module.heads
    q, k, v = (
        per_head(F.linear(rows, layer.weight), heads) for layer in (module.query, module.key, module.value)
    )
    z = torch.logcumsumexp(k, 2)
    log_decay = torch.cat([z[:, :, :1], z[:, :, :-1]], 2) - z
    read = joined(fading_chunks(F.silu(q), (k - z).exp(), v, log_decay))
    gate = F.linear(F.linear(rows, module.gate_down.weight), module.gate_up.weight)
    return F.linear(normed(read, module.norm.weight) * F.silu(gate), module.output.weight).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: CausalLightNetMixer1d(shape[1], 4, key_width=16, gate_rank=16),
    shapes=((4, 64, 256), (2, 64, 2048)),
    obvious={"loop over chunks": loop_over_chunks},
    lowered=True,
)
