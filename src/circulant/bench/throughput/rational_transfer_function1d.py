"""RationalTransferFunction1d beside torch.fft."""

import torch
from torch import Tensor

from circulant.bench.plain_diagonal_ssm import plain_long_conv
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.rational_transfer_function1d import RationalTransferFunction1d


def _plain(module: RationalTransferFunction1d, x: Tensor) -> Tensor:
    n = module.points
    zero, one = (value(module.channels, 1) for value in (torch.zeros, torch.ones))
    top = torch.fft.rfft(torch.cat([zero, module.numerator], 1), n=n)
    below = torch.fft.rfft(torch.cat([one, module.denominator], 1), n=n)
    return plain_long_conv(x, torch.fft.irfft(top / below + module.direct[:, None], n=n))


ENTRY = Throughput(
    make=lambda shape: RationalTransferFunction1d(shape[1], shape[2]),
    shapes=((8, 64, 1024), (4, 128, 8192)),
    obvious={"torch.fft": _plain},
    lowered=False,
)
