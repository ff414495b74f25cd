"""Fourier enhancement of features in the middle of a U-Net."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.fourier_enhancement2d import FourierEnhancement2d


def _make(shape: Shape) -> FourierEnhancement2d:
    return FourierEnhancement2d(shape[1])


def _torch_fft(module: Any, x: Tensor) -> Tensor:
    def conv(part: Any, values: Tensor) -> Tensor:
        return F.conv2d(values, part.weight, part.bias, padding=part.weight.shape[-1] // 2)

    normed = F.group_norm(x, module.groups, module.norm.weight, module.norm.bias)
    features = F.silu(conv(module.first, normed))
    spectrum = torch.fft.rfft2(features, norm="ortho")
    H, W = x.shape[2:]
    own_mirror = (2 * torch.arange(H) % H == 0)[:, None] & (2 * torch.arange(W // 2 + 1) % W == 0)
    angle = torch.atan2(spectrum.imag.masked_fill(own_mirror, 0.0), spectrum.real)
    magnitude, phase = F.silu(conv(module.magnitude, spectrum.abs())), F.silu(conv(module.phase, angle))
    # torch.polar has the wrong slope where a magnitude is negative, as silu makes some
    bent = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
    back = torch.fft.irfft2(bent, s=x.shape[2:], norm="ortho")
    spatial = normed + conv(module.local_last, F.silu(conv(module.local_first, normed)))
    return conv(module.fuse, torch.cat([spatial, conv(module.last, features + back)], 1))


ENTRY = Throughput(
    make=_make,
    shapes=((4, 32, 24, 24), (2, 96, 32, 32)),  # at which no phase lies within rounding of +-pi
    obvious={"torch.fft and F.conv2d": _torch_fft},
    lowered=False,
)
