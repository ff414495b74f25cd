r"""Frequency band modulation: high bands of x are weighed at every position, the lowest band passes.

    y = sum_n 2 sigmoid(w_n * x + b_n) (L_(n-1) x - L_n x) + L_last x,   L_0 x = x

Shapes: x (B, C, H, W) -> y (B, C, H, W); w (bands, C, 3, 3). L_n keeps the waves of at most 1 / (2 bands[n])
cycles per sample along both axes. w starts near zero (standard deviation 1e-6) and b at zero.

Deviation: the published code finds its masks on a grid of 64 x 64 and stretches them to the size of x; here
they are found for that size, so that a wave and its mirror image are always treated alike.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.operators.dynamic.band_modulation import BandModulation2d

FIRST_STD = 1e-6


def reference(x: Tensor, state: dict[str, Tensor], bands: tuple[int, ...] = (2, 4, 8)) -> Tensor:
    H, W = x.shape[2:]
    k, l = torch.arange(H) - H // 2, torch.arange(W) - W // 2
    turns = (k[:, None] * torch.arange(H) / H)[:, None, :, None] + (l[:, None] * torch.arange(W) / W)[:, None]
    cosine, sine = (2 * torch.pi * turns).cos().to(x), (2 * torch.pi * turns).sin().to(x)
    real = torch.einsum("bchw,klhw->bckl", x, cosine)
    imaginary = -torch.einsum("bchw,klhw->bckl", x, sine)
    outer = x.new_zeros(*x.shape[:2], H + 2, W + 2)
    outer[:, :, 1:-1, 1:-1] = x
    y, before = torch.zeros_like(x), x
    for n, band in enumerate(bands):
        kept = (2 * band * k.abs() <= H)[:, None] & (2 * band * l.abs() <= W)
        low = torch.einsum("bckl,klhw->bchw", real * kept, cosine)
        low = (low - torch.einsum("bckl,klhw->bchw", imaginary * kept, sine)) / (H * W)
        score = state["select.bias"][n]
        for i in range(3):
            for j in range(3):
                seen = outer[:, :, i : i + H, j : j + W]
                score = score + torch.einsum("c,bchw->bhw", state["select.weight"][n, :, i, j], seen)
        y = y + 2 / (1 + torch.exp(-score[:, None])) * (before - low)
        before = low
    return y + before


@final
class FrequencyBandModulation2d(BandModulation2d):
    def reset_parameters(self) -> None:
        nn.init.normal_(self.select.weight, std=FIRST_STD)
        if self.select.bias is not None:
            nn.init.zeros_(self.select.bias)

    def low_pass(self, spatial: Shape, band: int, device: torch.device) -> Tensor:
        H, W = spatial
        rows, columns = torch.arange(H, device=device), torch.arange(W // 2 + 1, device=device)
        rows = torch.minimum(rows, H - rows)
        return ((2 * band * rows <= H)[:, None] & (2 * band * columns <= W)).to(torch.float64)


def _mixer(channels: int, spatial: Shape) -> Operator:
    return FrequencyBandModulation2d(channels)


CARD = Card(
    operators=(FrequencyBandModulation2d,),
    reference=reference,
    papers=(
        Paper(
            "Chen, Gu, Li, Yan and Fu",
            2025,
            "Frequency Dynamic Convolution for Dense Image Prediction",
            "https://arxiv.org/abs/2503.18783",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 8, 6), lambda: FrequencyBandModulation2d(2)),
        Case((1, 3, 5, 7), lambda: FrequencyBandModulation2d(3, (2, 3)), {"bands": (2, 3)}),
    ),
    refuses=(
        BadInput((2, 17, 4, 4), lambda: FrequencyBandModulation2d(16), says="C = 16"),
        BadInput((2, 16, 4), lambda: FrequencyBandModulation2d(16), says="(B, C, H, W)"),
        BadInput((2, 16, 4, 4), lambda: FrequencyBandModulation2d(16, (0,)), says="bands, each 1 or more"),
    ),
    mixer=_mixer,
)
