"""HGRN2 as a loop over short chunks."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_memory import fading_chunks, joined, normed, per_head
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.hgrn2_mixer1d import Hgrn2Mixer1d


def loop_over_chunks(module: Hgrn2Mixer1d, x: Tensor) -> Tensor:
    rows, heads = x.transpose(1, 2), module.heads
    slow = F.linear(rows, module.forget.weight)
    q, k, v, log_kept = (
        per_head(values, heads)
        for values in (
            F.silu(F.linear(rows, module.query.weight)),
            torch.sigmoid(-slow),
            F.linear(rows, module.value.weight),
            F.logsigmoid(slow),
        )
    )
    read = normed(joined(fading_chunks(q, k, v, log_kept)), module.norm.weight)
    return F.linear(read, module.output.weight).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: Hgrn2Mixer1d(shape[1], 4),
    shapes=((4, 64, 256), (2, 64, 2048)),
    obvious={"loop over chunks": loop_over_chunks},
    lowered=True,
)
