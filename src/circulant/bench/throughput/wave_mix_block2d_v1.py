"""The first WaveMix block beside strided convolutions with the Haar filters."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.bench.throughput.wave_mix_block2d import haar_conv
from circulant.core.sizes import Shape
from circulant.operators.spectral.wave_mix_block2d_v1 import WaveMixBlock2dV1


def _make(shape: Shape) -> WaveMixBlock2dV1:
    return WaveMixBlock2dV1(shape[1])


def _convolutions(operator: WaveMixBlock2dV1, x: Tensor) -> Tensor:
    low, parts = operator.reduce(x), []
    for up in operator.ups:
        bands = haar_conv(low)
        low = bands[:, ::4]
        hidden = torch.nn.functional.gelu(operator.expand(bands))
        parts.append(up(operator.project(hidden)))
    y: Tensor = operator.norm(torch.nn.functional.gelu(operator.depthwise(torch.cat(parts, 1))))
    return y


ENTRY = Throughput(
    make=_make,
    shapes=((4, 64, 32, 32), (4, 128, 64, 64)),
    obvious={"conv2d": _convolutions},
    lowered=False,
)
