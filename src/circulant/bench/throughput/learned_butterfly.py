"""LearnedButterfly beside complex matrix products, one level of the recursion after the other."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.nn import LearnedButterfly

LARGEST = 16  # matrix of one level


def _make(shape: Shape) -> LearnedButterfly:
    return LearnedButterfly(shape[1], shape[2])


def _transform(z: Tensor, matrices: dict[int, Tensor]) -> Tensor:
    n = z.shape[-1]
    if n <= LARGEST:
        return z @ matrices[n].T
    m = n // LARGEST
    mixed = matrices[LARGEST] @ z.unflatten(-1, (LARGEST, m))
    phase = torch.arange(LARGEST)[:, None] * torch.arange(m) * (-2 * torch.pi / n)
    turned = mixed * torch.polar(torch.ones_like(phase), phase)
    return _transform(turned, matrices).transpose(-1, -2).flatten(-2)


def _complex_code(operator: LearnedButterfly, x: Tensor) -> Tensor:
    L, n = x.shape[-1], operator.points
    matrices = {size: torch.view_as_complex(matrix) for size, matrix in operator.matrices.items()}

    def spectrum(rows: Tensor) -> Tensor:
        padded = F.pad(rows, (0, n - rows.shape[-1]))
        return _transform(torch.complex(padded, torch.zeros_like(padded)), matrices)

    product = spectrum(x) * spectrum(operator.kernel[:, :L])
    y = _transform(product.conj(), matrices).real[..., :L] / n
    return y + operator.skip[:, None] * x


ENTRY = Throughput(
    _make, ((4, 64, 1024), (1, 32, 8192)), {"complex matrix products": _complex_code}, lowered=True
)
