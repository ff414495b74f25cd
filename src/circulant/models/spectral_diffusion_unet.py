"""A small U-Net for diffusion whose samples are halved and doubled by gated wavelet bands.

Yang et al., "Diffusion Probabilistic Model Made Slim" (2022). The abstract gives the place of the wavelets;
widths and blocks are those of a plain U-Net.
"""

from itertools import pairwise
from math import log
from typing import final

import torch
from torch import Tensor, nn

from circulant.engine.wavelet import idwt
from circulant.models.unet import UNet
from circulant.operators.spectral.wavelet_gating2d import BANDS, WaveletGating2d

LONGEST_PERIOD = 1e4  # of the waves that tell the time


@final
class WaveletDown2d(nn.Module):
    """Gated bands, one after another in the channels, then a linear map of them.

    Shapes: x (B, C, H, W) -> y (B, D, H / 2, W / 2).
    """

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.gating = WaveletGating2d(channels)
        self.mix = nn.Conv2d(BANDS * channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.mix(self.gating.gated_bands(x).flatten(1, 2))
        return y


@final
class WaveletUp2d(nn.Module):
    """A linear map to four bands, gated and joined.  Shapes: x (B, C, H, W) -> y (B, D, 2 H, 2 W)."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.gating = WaveletGating2d(channels)
        self.mix = nn.Conv2d(channels, BANDS * out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        bands = self.mix(x).unflatten(1, (-1, BANDS))
        return idwt(bands * self.gating.gates(x)[:, None, :, None, None], 2)


class ConvBlock(nn.Sequential):
    """3 x 3 convolution, group norm, SiLU."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(channels, out_channels, 3, padding=1), nn.GroupNorm(4, out_channels), nn.SiLU()
        )


@final
class SpectralDiffusionUNet(nn.Module):
    """What a diffusion model predicts from a noisy picture and its time.

    Shapes: x (B, in_channels, H, W), time (B,) from 0 to 1 -> y (B, in_channels, H, W). Time is told to the
    first features as a bias, from which every gate's mean can see it.
    """

    def __init__(self, in_channels: int, width: int = 32, levels: int = 2) -> None:
        super().__init__()
        self.width = width
        self.stem = nn.Conv2d(in_channels, width, 3, padding=1)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        widths = [width << level for level in range(levels + 1)]
        finer = list(pairwise(widths))
        self.net = UNet(
            encoders=[ConvBlock(w, w) for w in widths[:-1]],
            downs=[WaveletDown2d(w, wide) for w, wide in finer],
            middle=ConvBlock(widths[-1], widths[-1]),
            ups=[WaveletUp2d(wide, w) for w, wide in finer],
            decoders=[ConvBlock(2 * w, w) for w in widths[:-1]],
            head=nn.Conv2d(width, in_channels, 3, padding=1),
        )

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        told = self.time(waves(time, self.width))[:, :, None, None]
        y: Tensor = self.net(self.stem(x) + told)
        return y


def waves(time: Tensor, channels: int) -> Tensor:
    """Cosines and sines (B, channels) of a time (B,) from 0 to 1, with periods in geometric order."""
    half = channels // 2
    steps = torch.arange(half, device=time.device, dtype=time.dtype) / half
    angle = 1e3 * time[:, None] * torch.exp(-log(LONGEST_PERIOD) * steps)
    return torch.cat([angle.cos(), angle.sin()], 1)
