"""SelectiveScan2d beside F.conv2d and a loop over the steps."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_selective_scan import plain_selective_scan
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.selective_scan2d import SelectiveScan2d


def _plain(module: SelectiveScan2d, x: Tensor) -> Tensor:
    H, W = x.shape[2:]
    u, z = module.project_in(x.movedim(1, -1)).chunk(2, -1)
    conv = module.conv
    u = F.silu(F.conv2d(u.movedim(-1, 1), conv.weight, conv.bias, padding="same", groups=conv.channels))
    two = torch.stack([u.flatten(2), u.transpose(2, 3).flatten(2)], 1)
    y = plain_selective_scan(module.ssm, torch.cat([two, two.flip(-1)], 1))
    two = y[:, :2] + y[:, 2:].flip(-1)
    y = two[:, 0].reshape(u.shape) + two[:, 1].unflatten(-1, (W, H)).transpose(2, 3)
    return module.project_out(module.norm(y.movedim(1, -1)) * F.silu(z)).movedim(-1, 1)


ENTRY = Throughput(
    make=lambda shape: SelectiveScan2d(shape[1]),
    shapes=((2, 16, 14, 14), (1, 32, 28, 28)),
    obvious={"a loop over steps": _plain},
    lowered=True,
)
