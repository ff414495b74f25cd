"""The adaptive spectral block beside torch's transforms with complex gains."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.adaptive_spectral_block1d import SILENCE, AdaptiveSpectralBlock1d


def _complex_gains(module: AdaptiveSpectralBlock1d, x: Tensor) -> Tensor:
    spectrum = torch.fft.rfft(x, norm="ortho")
    energy = spectrum.abs().square().sum(1)
    relative = energy / (energy.median(dim=1, keepdim=True).values + SILENCE)
    mask = (relative.detach() > module.threshold).to(x.dtype)
    strong = (mask + module.threshold - module.threshold.detach())[:, None]  # straight through
    everywhere, there = (torch.view_as_complex(g)[:, None] for g in (module.gain_all, module.gain_strong))
    return torch.fft.irfft(spectrum * everywhere + spectrum * strong * there, x.shape[-1], norm="ortho")


ENTRY = Throughput(
    make=lambda shape: AdaptiveSpectralBlock1d(shape[1]),
    shapes=((16, 64, 128), (16, 128, 1024)),
    obvious={"torch.fft": _complex_gains},
    lowered=False,
)
