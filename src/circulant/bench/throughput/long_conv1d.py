"""A free long kernel beside torch's transforms of twice the length."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.long_conv1d import LongConv1d


def _zero_padded_transforms(module: LongConv1d, x: Tensor) -> Tensor:
    L = x.shape[-1]
    kernel = F.softshrink(module.kernel, module.squash)
    spectrum = torch.fft.rfft(x, 2 * L) * torch.fft.rfft(kernel, 2 * L)
    return torch.fft.irfft(spectrum, 2 * L)[..., :L] + module.skip[:, None] * x


ENTRY = Throughput(
    make=lambda shape: LongConv1d(shape[1], shape[2]),
    shapes=((4, 64, 512), (4, 128, 4096)),
    obvious={"torch.fft": _zero_padded_transforms},
    lowered=True,
)
