"""The causal Fourier sum beside one product with the masked matrix of cosines."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.causal_fourier_mixing1d import CausalFourierMixing1d


def _masked_matrix(module: CausalFourierMixing1d, x: Tensor) -> Tensor:
    place = torch.arange(x.shape[-1], device=x.device)
    turns = place[:, None] * place % module.length / module.length
    return x @ torch.cos(2 * torch.pi * turns).tril().to(x.dtype).T


ENTRY = Throughput(
    make=lambda shape: CausalFourierMixing1d(shape[1], shape[2]),
    shapes=((4, 64, 256), (2, 64, 4096)),
    obvious={"matmul": _masked_matrix},
    lowered=True,
)
