"""SGConv beside torch.fft code, as its authors write it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.nn import SGConv


def _make(shape: Shape) -> SGConv:
    return SGConv(shape[1], shape[2])


def _fft_code(operator: SGConv, x: Tensor) -> Tensor:
    L = x.shape[-1]
    pieces = operator.pieces[0]
    kernels = [
        F.interpolate(piece, scale_factor=2 ** max(i - 1, 0), mode="linear") * 0.5**i
        for i, piece in enumerate(pieces.unsqueeze(0).unbind(2))
    ]
    kernel = torch.cat(kernels, -1)[0, :, :L] / operator.norm[0, :, None]
    spectrum = torch.fft.rfft(x, 2 * L) * torch.fft.rfft(kernel, 2 * L)
    return torch.fft.irfft(spectrum, 2 * L)[..., :L] + operator.skip[:, None] * x


ENTRY = Throughput(_make, ((4, 128, 1024), (1, 64, 16384)), {"torch.fft code": _fft_code}, lowered=True)
