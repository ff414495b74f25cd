"""Fading filters as products with Toeplitz matrices."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.multi_dim_toeplitz_pe import MultiDimToeplitzPe2d


def toeplitz_products(module: MultiDimToeplitzPe2d, x: Tensor) -> Tensor:
    width, total = module.channels // module.heads, torch.zeros_like(x)
    for axis in range(2):
        lines = x.movedim(axis + 2, -1)
        position = torch.arange(lines.shape[-1])
        lag = (position[:, None] - position).clamp(min=0)
        fade = torch.sigmoid(module.decay[axis])[:, None, None] ** lag
        matrix = (module.gain[axis][:, None, None] * fade).tril().repeat_interleave(width, 0)
        total = total + (lines @ matrix.mT).movedim(-1, axis + 2)
    return total


ENTRY = Throughput(
    make=lambda shape: MultiDimToeplitzPe2d(shape[1]),
    shapes=((4, 64, 32, 32), (2, 64, 128, 128)),
    obvious={"Toeplitz products": toeplitz_products},
    lowered=True,
)
