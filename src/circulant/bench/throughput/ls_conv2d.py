"""Large-small convolution beside unfolded windows, each weighted by the kernel of its position."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.ls_conv2d import LSConv2d


def _make(shape: Shape) -> LSConv2d:
    return LSConv2d(shape[1])


def _unfold(module: LSConv2d, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    p, size = module.perception, module.kernel_size
    hidden = p.reduce_norm(p.reduce(x)).relu()
    hidden = p.mix_norm(p.mix(p.look_norm(p.look(hidden)))).relu()
    w = p.norm(p.span(hidden)).view(B, 1, p.kernels, size**2, H, W)
    windows = F.unfold(x, size, padding=size // 2).view(B, -1, p.kernels, size**2, H, W)
    y: Tensor = x + module.norm((w * windows).sum(3).view(B, C, H, W))
    return y


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 28, 28), (8, 128, 56, 56)),
    obvious={"F.unfold": _unfold},
    lowered=True,
)
