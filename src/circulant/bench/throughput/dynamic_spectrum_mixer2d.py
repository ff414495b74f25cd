"""Dynamic spectrum mixing beside cosine transforms as products with matrices."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.dynamic_spectrum_mixer2d import DynamicSpectrumMixer2d


def _make(shape: Shape) -> DynamicSpectrumMixer2d:
    module = DynamicSpectrumMixer2d(shape[1], (shape[2], shape[3]))
    torch.nn.init.normal_(module.bank)  # filters that are all near 1 leave nothing but rounding to the shares
    return module


def cosines(n: int, like: Tensor) -> Tensor:
    """Rows of the orthonormal DCT-II."""
    k, j = torch.arange(n, dtype=torch.float64)[:, None], torch.arange(n, dtype=torch.float64)
    rows = torch.cos(torch.pi * k * (j + 0.5) / n) * torch.sqrt((1 + (k > 0).double()) / n)
    return rows.to(like)


def _matrices(operator: DynamicSpectrumMixer2d, x: Tensor) -> Tensor:
    rows, columns = cosines(x.shape[2], x), cosines(x.shape[3], x)
    return rows.T @ (operator.gain(x) * (rows @ x @ columns.T)) @ columns


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 32, 32), (2, 16, 256, 256)),
    obvious={"cosine matrices": _matrices},
    lowered=True,
)
