"""Hyena: gated long convolutions whose kernels a small network makes from the positions of their taps.

    q, k, v = short(W x),   y = W_o (q (h * (k v) + d (k v)))
    h[c, t] = (exp(-a[c] t) + 0.05) mlp(t, cos(2 pi f t), -sin(2 pi f t)),   t from 0 to 1

After Poli, Massaroli, Nguyen, Fu, Dao, Baccus, Bengio, Ermon and Ré (2023), Hyena Hierarchy: Towards Larger
Convolutional Language Models, https://arxiv.org/abs/2302.10866, with its recurrence of order 2, and the code
and sizes of Nguyen, Poli, Faizi and others (2023), HyenaDNA: Long-Range Genomic Sequence Modeling at Single
Nucleotide Resolution, https://arxiv.org/abs/2306.15794. The GELU is exact, where that code approximates it.
"""

from math import log, pi
from typing import final

import torch
from torch import Tensor, nn

from circulant.engine.long_conv import long_conv
from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.language_model import LanguageModel
from circulant.models.residual import Residual
from circulant.operators.sequence.short_conv import ShortConv

HIDDEN, HIDDEN_LAYERS = 64, 2  # of the network that makes the kernel
BANDS, LOWEST_BAND = 2, 1e-4
FREQUENCY = 10.0  # of its sines, at the start
FLOOR = 0.05  # of the window
FADED, FASTEST, SLOWEST = 1e-2, 0.3, 1.5  # fallen to 1e-2 at 0.3 of the length, or at 1.5 of it
TAPS = 3
MLP_RATIO = 4
DNA_TOKENS, DNA_CHANNELS, DNA_DEPTH = 16, 256, 8


@final
class Sine(nn.Module):
    """sin(w x), w learnt for each channel.  Shapes: x (..., C) -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.full((channels,), FREQUENCY))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.frequency * x)


@final
class HyenaKernel(nn.Module):
    """The kernel h of at most `length` taps.  Shapes: () -> (C, taps)."""

    def __init__(self, channels: int, length: int) -> None:
        super().__init__()
        time = torch.linspace(0, 1, length)[:, None]
        angle = (
            2 * pi * torch.arange(length)[:, None] / length * torch.linspace(LOWEST_BAND, BANDS - 1, BANDS)
        )
        self.register_buffer("position", torch.cat([time, angle.cos(), -angle.sin()], 1))
        decay = -log(FADED) * torch.linspace(1 / SLOWEST, 1 / FASTEST, channels)
        self.register_buffer("window", torch.exp(-time * decay) + FLOOR)
        sine = Sine(HIDDEN)  # the same in every layer
        layers: list[nn.Module] = [nn.Linear(1 + 2 * BANDS, HIDDEN), sine]
        for _ in range(HIDDEN_LAYERS):
            layers += [nn.Linear(HIDDEN, HIDDEN), sine]
        self.network = nn.Sequential(*layers, nn.Linear(HIDDEN, channels, bias=False))

    def forward(self, taps: int) -> Tensor:
        kernel: Tensor = self.network(self.get_buffer("position")[:taps])
        return (kernel * self.get_buffer("window")[:taps]).T


@final
class HyenaConv(nn.Module):
    """gate_out (h * (gate_in x) + d gate_in x).  Shapes: x and the gates (B, C, L) -> y of the same."""

    def __init__(self, channels: int, length: int) -> None:
        super().__init__()
        self.kernel = HyenaKernel(channels, length)
        self.skip = nn.Parameter(torch.randn(channels))

    def impulse_response(self, length: int) -> Tensor:
        """The kernel without the skip -> (C, length)."""
        kernel: Tensor = self.kernel(length)
        return kernel

    def forward(self, x: Tensor, gate_in: Tensor, gate_out: Tensor) -> Tensor:
        kernel = self.impulse_response(x.shape[2])
        return long_conv(x, kernel, skip=self.skip, gate_in=gate_in, gate_out=gate_out)


@final
class HyenaMixer(nn.Module):
    """The operator above.  Shapes: x (B, C, L), L at most `length` -> y (B, C, L)."""

    def __init__(self, channels: int, length: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, 3 * channels)
        self.short = ShortConv(3 * channels, TAPS, bias=True)
        self.convolution = HyenaConv(channels, length)
        self.output = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.short(self.project(x.transpose(1, 2)).transpose(1, 2)).chunk(3, 1)
        y = self.convolution(v, k, q)
        return self.output(y.transpose(1, 2)).transpose(1, 2)


def hyena_language_model(tokens: int, channels: int, depth: int, length: int) -> LanguageModel:
    """Pre-norm residual pairs of Hyena and an MLP.  Shapes: codes (B, L) -> logits (B, tokens, L).

    length: the most samples of an input.
    """
    layers = []
    for _ in range(depth):
        layers.append(Residual(HyenaMixer(channels, length), ChannelLayerNorm(channels)))
        layers.append(Residual(ChannelMlp(channels, MLP_RATIO * channels), ChannelLayerNorm(channels)))
    return LanguageModel(tokens, channels, layers, norm=ChannelLayerNorm(channels))


def hyena_dna(length: int) -> LanguageModel:
    """The published network for genomes, of 6.6 million parameters at any length."""
    return hyena_language_model(DNA_TOKENS, DNA_CHANNELS, DNA_DEPTH, length)
