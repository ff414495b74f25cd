"""ShiftSsm beside torch.fft and a depthwise F.conv1d."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_diagonal_ssm import plain_long_conv
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.shift_ssm import ShiftSsm


def _kernel(module: ShiftSsm) -> Tensor:
    n = 2 * module.states
    spectra = [torch.fft.rfft(weight, n=n) for weight in (module.input_weight, module.output_weight)]
    return torch.fft.irfft(spectra[0].conj() * spectra[1], n=n)[:, : module.states]


def _by_fft(module: ShiftSsm, x: Tensor) -> Tensor:
    return plain_long_conv(x, _kernel(module)) + module.skip[:, None] * x


def _directly(module: ShiftSsm, x: Tensor) -> Tensor:
    weight = _kernel(module).flip(-1)[:, None]
    padded = F.pad(x, (module.states - 1, 0))
    return F.conv1d(padded, weight, groups=module.channels) + module.skip[:, None] * x


ENTRY = Throughput(
    make=lambda shape: ShiftSsm(shape[1]),
    shapes=((8, 64, 1024), (4, 128, 8192)),
    obvious={"torch.fft": _by_fft, "F.conv1d": _directly},
    lowered=True,
)
