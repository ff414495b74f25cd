"""The learnable filter bank beside its analysis and synthesis as published: two convolutions."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.learnable_time_frequency_filter1d import LearnableTimeFrequencyFilter1d


def _two_layers(module: LearnableTimeFrequencyFilter1d, x: Tensor) -> Tensor:
    B, C, L = x.shape
    past = F.pad(x.reshape(B * C, 1, L), (module.taps - 1, 0))
    parts = F.conv1d(past, module.analysis.flip(-1)[:, None]).reshape(B, C, -1, L)
    return torch.einsum("bcfl,cf->bcl", parts, module.gain * module.synthesis)


ENTRY = Throughput(
    make=lambda shape: LearnableTimeFrequencyFilter1d(shape[1]),
    shapes=((2, 32, 128), (2, 64, 512)),
    obvious={"conv1d": _two_layers},
    lowered=True,
)
