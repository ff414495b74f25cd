"""AtrousSelectiveScan2d beside F.conv2d and a loop over the steps."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_selective_scan import plain_selective_scan
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.atrous_selective_scan2d import AtrousSelectiveScan2d


def plain_atrous(module: AtrousSelectiveScan2d, x: Tensor) -> Tensor:
    """For even sizes."""
    u, z = module.project_in(x.movedim(1, -1)).chunk(2, -1)
    conv = module.conv
    u = F.silu(F.conv2d(u.movedim(-1, 1), conv.weight, conv.bias, padding="same", groups=conv.channels))
    turned = u.transpose(2, 3)
    grids = (u[:, :, ::2, ::2], turned[:, :, ::2, 1::2], u[:, :, ::2, 1::2], turned[:, :, 1::2, 1::2])
    scanned = plain_selective_scan(module.ssm, torch.stack([grid.flatten(2) for grid in grids], 1))
    y = torch.empty_like(u)
    for path, grid in enumerate(grids):
        part = scanned[:, path].reshape(grid.shape)
        part = part.transpose(2, 3) if path % 2 else part
        y[:, :, path % 2 :: 2, path // 2 :: 2] = part
    return module.project_out(module.norm(y.movedim(1, -1)) * F.silu(z)).movedim(-1, 1)


ENTRY = Throughput(
    make=lambda shape: AtrousSelectiveScan2d(shape[1]),
    shapes=((2, 16, 28, 28), (1, 32, 56, 56)),
    obvious={"a loop over steps": plain_atrous},
    lowered=True,
)
