r"""Frequency mixing: low and high frequencies under gates of their own, for each position and each channel.

    l = low-pass(x),   h = x - l,   g = sigmoid(W * x + b) of two channels
    y = g_1 a(l) l + g_2 a'(h) h,   a(z) = sqrt(s(mean Re fft2 z)^2 + s(mean Im fft2 z)^2)
    s(v) = sigmoid(W2 relu(W1 v + b1) + b2), with other weights in a'

Shapes: x (B, C, H, W) -> y (B, C, H, W); W (2, C, 3, 3), W1 (C / reduction, C), W2 (C, C / reduction).
The low-pass filter keeps |f| <= cutoff cycles per sample along both axes, as the de-aliasing filter does.

What surprises: the mean of a spectrum over its bins is the signal at the first position, and that of the
imaginary part is 0 for real signals. The channel gates, exactly as published, hence see z[0, 0] and a
constant; no second transform is needed. They range up to sqrt(2). Deviation: no 1e-8 under the root.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import spectral_filter_cost
from circulant.operators.spectral.low_pass import CUTOFF, low_pass, require_cutoff
from circulant.operators.spectral.planned_conv2d import PlannedConv2d

REDUCTION = 16


def reference(x: Tensor, state: dict[str, Tensor], cutoff: float = CUTOFF) -> Tensor:
    _, _, H, W = x.shape
    k, l = torch.arange(H) - H // 2, torch.arange(W) - W // 2
    mask = (k.abs()[:, None] <= cutoff * H) & (l.abs() <= cutoff * W)
    turns = (k[:, None] * torch.arange(H) / H)[:, None, :, None] + (l[:, None] * torch.arange(W) / W)[:, None]
    cosine, sine = (2 * torch.pi * turns).cos().to(x), (2 * torch.pi * turns).sin().to(x)
    real = torch.einsum("bchw,klhw->bckl", x, cosine)
    imaginary = -torch.einsum("bchw,klhw->bckl", x, sine)

    def gate(values: Tensor, name: str) -> Tensor:
        hidden = values.mean((2, 3)) @ state[f"{name}.reduce.weight"].T + state[f"{name}.reduce.bias"]
        made = hidden.clamp(min=0) @ state[f"{name}.expand.weight"].T + state[f"{name}.expand.bias"]
        return 1 / (1 + torch.exp(-made))[:, :, None, None]

    weight, outer = state["select.weight"], x.new_zeros(*x.shape[:2], H + 2, W + 2)
    outer[:, :, 1:-1, 1:-1] = x
    selected = torch.zeros_like(x[:, :2]) + state["select.bias"][:, None, None]
    for i in range(3):
        for j in range(3):
            seen = outer[:, :, i : i + H, j : j + W]
            selected = selected + torch.einsum("oc,bchw->bohw", weight[:, :, i, j], seen)
    selected = 1 / (1 + torch.exp(-selected))
    y = torch.zeros_like(x)
    for number, (name, part) in enumerate((("low", mask), ("high", ~mask))):
        a, b = real * part, imaginary * part
        signal = torch.einsum("bckl,klhw->bchw", a, cosine) - torch.einsum("bckl,klhw->bchw", b, sine)
        channels = torch.sqrt(gate(a, name) ** 2 + gate(b, name) ** 2)
        y = y + signal / (H * W) * selected[:, number : number + 1] * channels
    return y


@final
class _ChannelGate(nn.Module):
    """sqrt(s(v)^2 + s(0)^2) of the first sample v of each channel: (B, C) -> (B, C, 1, 1)."""

    def __init__(
        self, channels: int, hidden: int, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, hidden, device=device, dtype=dtype)
        self.expand = nn.Linear(hidden, channels, device=device, dtype=dtype)

    def forward(self, first: Tensor) -> Tensor:
        both = torch.stack([first, torch.zeros_like(first)])
        gates = self.expand(self.reduce(both).relu()).sigmoid()
        return gates.square().sum(0).sqrt()[:, :, None, None]


@final
class FrequencyMixing2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        cutoff: float = CUTOFF,
        *,
        reduction: int = REDUCTION,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_cutoff(cutoff)
        if not 1 <= reduction <= channels:
            raise ArgumentError(f"expected reduction from 1 to channels = {channels}, got {reduction}")
        self.channels, self.cutoff, self.hidden = channels, cutoff, channels // reduction
        self.select = PlannedConv2d(channels, 2, 3, device=device, dtype=dtype)
        self.low = _ChannelGate(channels, self.hidden, device, dtype)
        self.high = _ChannelGate(channels, self.hidden, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        low_share, high_share = self.select(x).sigmoid().split(1, 1)
        low = low_pass(x, 2, self.cutoff)
        high = x - low
        mixed = low_share * self.low(low[:, :, 0, 0]) * low + high_share * self.high(high[:, :, 0, 0]) * high
        return mixed.to(x.dtype)

    def cost(self, shape: Shape) -> Cost:
        B, C, *_ = shape
        gate = matmul_cost(2 * B, C, self.hidden) + matmul_cost(2 * B, self.hidden, C)
        return spectral_filter_cost(shape) + self.select.cost(shape) + gate * 2

    def extra_repr(self) -> str:
        return f"{self.channels}, cutoff={self.cutoff}"


def _mixer(channels: int, spatial: Shape) -> FrequencyMixing2d:
    return FrequencyMixing2d(channels, reduction=min(REDUCTION, channels))


CARD = Card(
    operators=(FrequencyMixing2d,),
    reference=reference,
    papers=(
        Paper(
            "Chen, Gu and Fu",
            2024,
            "When Semantic Segmentation Meets Frequency Aliasing",
            "https://arxiv.org/abs/2403.09065",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 5, 6), lambda: FrequencyMixing2d(4, reduction=2)),
        Case((1, 3, 8, 3), lambda: FrequencyMixing2d(3, 0.25, reduction=1), {"cutoff": 0.25}),
    ),
    refuses=(
        BadInput((2, 17, 4, 4), lambda: FrequencyMixing2d(16), says="C = 16"),
        BadInput((2, 16, 4), lambda: FrequencyMixing2d(16), says="(B, C, H, W)"),
        BadInput((2, 8, 4, 4), lambda: FrequencyMixing2d(8), says="reduction from 1"),
        BadInput((2, 16, 4, 4), lambda: FrequencyMixing2d(16, -0.1), says="cutoff from 0 to 0.5"),
    ),
    mixer=_mixer,
)
