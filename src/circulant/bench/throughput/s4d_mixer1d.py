"""S4dMixer1d beside a Vandermonde product, torch.fft and F.conv1d."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.plain_diagonal_ssm import plain_diagonal_ssm
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.s4d_mixer1d import S4dMixer1d


def _plain(module: S4dMixer1d, x: Tensor) -> Tensor:
    z = F.gelu(plain_diagonal_ssm(module.ssm, x))
    return F.glu(F.conv1d(z, module.output.weight[..., None], module.output.bias), dim=1)


ENTRY = Throughput(
    make=lambda shape: S4dMixer1d(shape[1]),
    shapes=((8, 64, 1024), (2, 96, 2048)),
    obvious={"Vandermonde, torch.fft and F.conv1d": _plain},
    lowered=False,
)
