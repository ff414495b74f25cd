"""BidirectionalSsm beside F.conv1d and a loop over the steps."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_selective_scan import plain_selective_scan
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.bidirectional_ssm import BidirectionalSsm


def _plain(module: BidirectionalSsm, x: Tensor) -> Tensor:
    u, z = module.project_in(x.transpose(1, 2)).transpose(1, 2).chunk(2, 1)
    conv, both = module.conv, torch.cat([u, u.flip(-1)], 1)
    both = F.silu(F.conv1d(F.pad(both, (conv.taps - 1, 0)), conv.weight, conv.bias, groups=conv.channels))
    y = plain_selective_scan(module.ssm, both.unflatten(1, (2, -1)))
    y = (y[:, 0] + y[:, 1].flip(-1)) * F.silu(z)
    return module.project_out(y.transpose(1, 2)).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: BidirectionalSsm(shape[1]),
    shapes=((4, 32, 196), (2, 64, 784)),
    obvious={"a loop over steps": _plain},
    lowered=True,
)
