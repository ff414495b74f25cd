"""Adaptive downscaling beside windows laid out by torch."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.dynamic.adaptive_downscale2d import AdaptiveDownscale2d


def _unfold(module: AdaptiveDownscale2d, x: Tensor) -> Tensor:
    s, k, kernels = module.scale, module.kernel_size, module.kernels(x)
    before = (k - s) // 2
    outer = F.pad(x, (before, k - s - before) * 2, mode="replicate")
    windows = F.unfold(outer, k, stride=s).view(kernels.shape)
    return (windows * kernels).sum(2)


ENTRY = Throughput(
    make=lambda shape: AdaptiveDownscale2d(shape[1], width=16, depth=1, generator_depth=1),
    shapes=((1, 3, 96, 96), (2, 3, 192, 192)),
    obvious={"F.unfold": _unfold},
    lowered=False,
)
