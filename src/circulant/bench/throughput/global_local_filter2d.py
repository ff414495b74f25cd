"""A global-local filter beside torch.fft."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.global_local_filter2d import GlobalLocalFilter2d


def by_fft(module: GlobalLocalFilter2d, x: Tensor) -> Tensor:
    near, far = module.before(x.movedim(1, -1)).movedim(-1, 1).chunk(2, 1)
    near = F.conv2d(near, module.local.weight, padding=1, groups=near.shape[1])
    spectrum = torch.fft.rfft2(far, norm="ortho") * torch.view_as_complex(module.weight)
    far = torch.fft.irfft2(spectrum, s=x.shape[2:], norm="ortho")
    y = torch.stack([near, far], 2).flatten(1, 2)
    return module.after(y.movedim(1, -1)).movedim(-1, 1)


ENTRY = Throughput(
    make=lambda shape: GlobalLocalFilter2d(shape[1], (shape[2], shape[3])),
    shapes=((2, 64, 14, 14), (8, 256, 28, 28)),
    obvious={"torch.fft": by_fft},
    lowered=False,
)
