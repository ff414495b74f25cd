"""Structured global convolution beside torch's transforms of twice the length."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.sg_conv import SGConv


def _zero_padded_transforms(module: SGConv, x: Tensor) -> Tensor:
    L = x.shape[-1]
    kernel = module.impulse_response()[:, :L]
    spectrum = torch.fft.rfft(x, 2 * L) * torch.fft.rfft(kernel, 2 * L)
    return torch.fft.irfft(spectrum, 2 * L)[..., :L] + module.skip[:, None] * x


ENTRY = Throughput(
    make=lambda shape: SGConv(shape[1], shape[2]),
    shapes=((4, 64, 512), (4, 128, 4096)),
    obvious={"torch.fft": _zero_padded_transforms},
    lowered=True,
    compiled_backward=False,  # glibc finds a damaged heap: double free or corruption
)
