"""SelectiveSsm1d beside F.conv1d and a loop over the steps."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_selective_scan import plain_selective_scan
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.selective_ssm1d import SelectiveSsm1d


def _plain(module: SelectiveSsm1d, x: Tensor) -> Tensor:
    u, z = module.project_in(x.transpose(1, 2)).transpose(1, 2).chunk(2, 1)
    conv = module.conv
    u = F.silu(F.conv1d(F.pad(u, (conv.taps - 1, 0)), conv.weight, conv.bias, groups=conv.channels))
    y = plain_selective_scan(module.ssm, u[:, None])[:, 0] * F.silu(z)
    return module.project_out(y.transpose(1, 2)).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: SelectiveSsm1d(shape[1]),
    shapes=((4, 32, 256), (2, 64, 1024)),
    obvious={"a loop over steps": _plain},
    lowered=True,
)
