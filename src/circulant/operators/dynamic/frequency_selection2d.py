r"""Frequency selection: high bands of x are weighed at every position, the lowest band passes.

    y = sum_n 2 sigmoid(w_n * x + b_n) (L_(n-1) x - L_n x) + L_last x,   L_0 x = x

Shapes: x (B, C, H, W) -> y (B, C, H, W); w (bands, C, 3, 3). L_n keeps the box of waves below 1 / bands[n] of
the highest: in an order with the constant in the middle, rows round(H / 2 - H / (2 n)) up to
round(H / 2 + H / (2 n)), columns alike. w and b start at zero: y is then x.

The box has its lower edge but not its upper one. The real part is taken after it, so that a wave on the
edge is halved.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.operators.dynamic.band_modulation import BandModulation2d


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
        box = torch.zeros(H, W)
        top, left = round(H / 2 - H / (2 * band)), round(W / 2 - W / (2 * band))
        box[top : round(H / 2 + H / (2 * band)), left : round(W / 2 + W / (2 * band))] = 1
        low = torch.einsum("bckl,klhw->bchw", real * box, cosine)
        low = (low - torch.einsum("bckl,klhw->bchw", imaginary * box, sine)) / (H * W)
        score = state["select.bias"][n]
        for i in range(3):
            for j in range(3):
                seen = outer[:, :, i : i + H, j : j + W]
                score = score + torch.einsum("c,bchw->bhw", state["select.weight"][n, :, i, j], seen)
        y = y + 2 / (1 + torch.exp(-score[:, None])) * (before - low)
        before = low
    return y + before


@final
class FrequencySelection2d(BandModulation2d):
    def reset_parameters(self) -> None:
        nn.init.zeros_(self.select.weight)
        if self.select.bias is not None:
            nn.init.zeros_(self.select.bias)

    def low_pass(self, spatial: Shape, band: int, device: torch.device) -> Tensor:
        rows, columns = (_edge(n, band, device) for n in spatial)
        mirrored = (_mirror(rows)[:, None] * _mirror(columns)) + rows[:, None] * columns
        return mirrored[:, : spatial[-1] // 2 + 1] / 2


def _edge(n: int, band: int, device: torch.device) -> Tensor:
    """1 for the waves inside the box, in the order of a transform -> (n)."""
    place = (torch.arange(n, device=device) + n // 2) % n  # of wave 0, 1, ... with the constant in the middle
    first, last = round(n / 2 - n / (2 * band)), round(n / 2 + n / (2 * band))
    return ((place >= first) & (place < last)).to(torch.float64)


def _mirror(box: Tensor) -> Tensor:
    """box at the waves' negatives."""
    return torch.cat([box[:1], box[1:].flip(0)])


def _mixer(channels: int, spatial: Shape) -> Operator:
    return FrequencySelection2d(channels)


CARD = Card(
    operators=(FrequencySelection2d,),
    reference=reference,
    papers=(
        Paper(
            "Chen, Gu, Zheng and Fu",
            2024,
            "Frequency-Adaptive Dilated Convolution for Semantic Segmentation",
            "https://arxiv.org/abs/2403.05369",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 8, 6), lambda: FrequencySelection2d(2)),
        Case((1, 3, 5, 7), lambda: FrequencySelection2d(3, (2, 3)), {"bands": (2, 3)}),
    ),
    refuses=(
        BadInput((2, 17, 4, 4), lambda: FrequencySelection2d(16), says="C = 16"),
        BadInput((2, 16, 4), lambda: FrequencySelection2d(16), says="(B, C, H, W)"),
        BadInput((2, 16, 4, 4), lambda: FrequencySelection2d(16, ()), says="and bands, each 1 or more"),
    ),
    mixer=_mixer,
)
