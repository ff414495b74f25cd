"""The learnt butterfly beside its recursion in torch's complex numbers."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.engine.flash_butterfly import butterfly_points
from circulant.operators.sequence.learned_butterfly import LearnedButterfly

RADIX = 16


def _bins(z: Tensor, matrices: dict[int, Tensor]) -> Tensor:
    n = z.shape[-1]
    if n <= RADIX:
        return z @ matrices[n].T
    m = n // RADIX
    turns = torch.arange(RADIX, device=z.device)[:, None] * torch.arange(m, device=z.device) / n
    twiddles = torch.polar(torch.ones_like(turns), -2 * torch.pi * turns)
    mixed = matrices[RADIX] @ z.unflatten(-1, (RADIX, m)) * twiddles
    return _bins(mixed, matrices).transpose(-1, -2).flatten(-2)


def _complex_recursion(module: LearnedButterfly, x: Tensor) -> Tensor:
    matrices = {size: torch.view_as_complex(module.matrices[size].contiguous()) for size in module.sizes}
    L, points = x.shape[-1], butterfly_points(module.kernel.shape[1])
    rows, kernel = (
        torch.complex(padded, torch.zeros_like(padded))
        for padded in (F.pad(values, (0, points - L)) for values in (x, module.kernel[:, :L]))
    )
    product = _bins(rows, matrices) * _bins(kernel, matrices)
    return _bins(product.conj(), matrices).real[..., :L] / points + module.skip[:, None] * x


ENTRY = Throughput(
    make=lambda shape: LearnedButterfly(shape[1], shape[2]),
    shapes=((4, 32, 256), (4, 64, 2048)),
    obvious={"complex": _complex_recursion},
    lowered=True,
)
