"""Shortening by cosine transforms beside products with the matrices of both."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.dct_downsample1d import DCTDownsample1d


def _matrix(length: int, x: Tensor) -> Tensor:
    frequency = torch.arange(length, device=x.device, dtype=torch.float64)
    wave = torch.cos(torch.pi / length * frequency[:, None] * (frequency + 0.5)) * (2 / length) ** 0.5
    wave[0] *= 0.5**0.5
    return wave.to(x.dtype)


def _two_matrices(module: DCTDownsample1d, x: Tensor) -> Tensor:
    kept = module.kept(x.shape[-1])
    return x @ (_matrix(x.shape[-1], x)[:kept].T @ _matrix(kept, x))


ENTRY = Throughput(
    make=lambda shape: DCTDownsample1d(shape[1], 0.2),
    shapes=((4, 64, 512), (4, 64, 4096)),
    obvious={"matmul": _two_matrices},
    lowered=True,
)
