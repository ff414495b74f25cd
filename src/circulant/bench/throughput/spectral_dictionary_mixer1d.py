"""The spectral dictionary beside a convolution and one einsum over all atoms."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.spectral_dictionary_mixer1d import SpectralDictionaryMixer1d


def _one_einsum(module: SpectralDictionaryMixer1d, x: Tensor) -> Tensor:
    weights = F.conv1d(F.pad(x, (module.taps - 1, 0)), module.encoder.flip(-1), module.bias)
    time = torch.arange(x.shape[-1], device=x.device, dtype=x.dtype)
    angle = module.frequency[..., None] * time + module.phase[..., None]
    return torch.einsum("bkl,kdl->bdl", weights, module.amplitude[..., None] * angle.cos())


ENTRY = Throughput(
    make=lambda shape: SpectralDictionaryMixer1d(shape[1], 32),
    shapes=((8, 32, 128), (8, 64, 1024)),
    obvious={"einsum": _one_einsum},
    lowered=False,
)
