"""A WaveMix block beside strided convolutions with the Haar filters."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.wave_mix_block2d import WaveMixBlock2d


def _make(shape: Shape) -> WaveMixBlock2d:
    return WaveMixBlock2d(shape[1])


def haar_conv(x: Tensor) -> Tensor:
    """The four bands of each channel by a grouped convolution."""
    signs = [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]
    kernel = torch.tensor(signs, dtype=x.dtype, device=x.device).reshape(4, 1, 2, 2) / 2
    return F.conv2d(x, kernel.repeat(x.shape[1], 1, 1, 1), stride=2, groups=x.shape[1])


def _convolutions(operator: WaveMixBlock2d, x: Tensor) -> Tensor:
    low, details = operator.reduce(x), []
    for _ in operator.mixers:
        details.append(haar_conv(low))
        low = details[-1][:, ::4]
    y = x.new_zeros(len(x), 0, *low.shape[2:])
    for bands, mixer in zip(reversed(details), reversed(operator.mixers)):
        y = mixer(torch.cat([bands, y], 1))
    return y


ENTRY = Throughput(
    make=_make,
    shapes=((4, 64, 32, 32), (4, 128, 64, 64)),
    obvious={"conv2d": _convolutions},
    lowered=False,
)
