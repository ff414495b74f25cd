r"""Filters that keep the energy of every signal between two bounds.

A bank of an output filter chi and filters g_l is a frame if, for every signal f of the grid,

    A |f|^2 <= |f * chi|^2 + sum_l |f * g_l|^2 <= B |f|^2.

On a grid that wraps, A and B are the least and the largest of |chi(w)|^2 + sum_l |g_l(w)|^2 over the
frequencies of the DFT. Filters divided by sqrt(B) expand no distance between signals.

Wiatowski and Bölcskei, 2015, A Mathematical Theory of Deep Convolutional Neural Networks for Feature
Extraction, https://arxiv.org/abs/1512.06293. Only its abstract was at hand.
"""

from dataclasses import dataclass
from itertools import product as combinations
from math import cos, pi, sin, sqrt
from typing import final

import torch
from torch import Tensor
from torch.nn.functional import pad

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.pairs import power
from circulant.core.sizes import Shape
from circulant.engine.transform import fftn

HIGHEST, SPREAD = 0.375, 0.2  # cycles per sample: centre and width of the finest Morlet wavelet


@final
@dataclass(frozen=True, slots=True)
class FrameBounds:
    """The least and the largest share of a signal's energy that the filters give back."""

    lower: float
    upper: float


@final
@dataclass(frozen=True, slots=True)
class FrameFilterBank:
    """responses (1 + filters, *grid, 2): spectra as pairs, float64, in the order of the DFT; chi first."""

    responses: Tensor

    @property
    def grid(self) -> Shape:
        return tuple(self.responses.shape[1:-1])

    @property
    def bounds(self) -> FrameBounds:
        total = power(self.responses).sum(0)
        return FrameBounds(float(total.min()), float(total.max()))

    @property
    def decay(self) -> float:
        """Least K with |chi(w)| |w| <= K, w in cycles per sample."""
        return float((power(self.responses[0]).sqrt() * _distance(_plane(self.grid))).max())

    def times(self, factor: float) -> "FrameFilterBank":
        return FrameFilterBank(self.responses * factor)

    def tight_above(self) -> "FrameFilterBank":
        """Divided by the root of the upper bound, which becomes 1."""
        return self.times(1 / sqrt(self.bounds.upper))

    def dilated(self, step: int) -> "FrameFilterBank":
        """Filters `step` times as wide: their response at w is that at step w, and 0 from |w| = 1 / (2 step).

        Taps moved apart would repeat the response instead: chi would let high frequencies through.
        """
        wider = self.responses
        for axis, samples in enumerate(self.grid, 1):
            u = torch.arange(samples, device=wider.device)
            signed = torch.where(2 * u >= samples, u - samples, u)
            inside = 2 * step * signed.abs() < samples if step > 1 else torch.ones_like(u, dtype=torch.bool)
            shape = (-1, *(1,) * (wider.ndim - 1 - axis))
            wider = wider.index_select(axis, step * signed % samples) * inside.reshape(shape)
        return FrameFilterBank(wider)


def frame_bounds(taps: Tensor, grid: Shape) -> FrameBounds:
    """Of real filters (1 + filters, *taps) on a grid that wraps: say, of a trained convolution's kernels."""
    return bank_of_taps(taps, grid).bounds


def bank_of_taps(taps: Tensor, grid: Shape) -> FrameFilterBank:
    """Real filters (1 + filters, *taps), the output filter first, on a grid that wraps."""
    if taps.ndim != len(grid) + 1 or any(k > n for k, n in zip(taps.shape[1:], grid, strict=False)):
        raise ShapeError(
            f"expected taps (1 + filters, *taps) that fit the grid {grid}, got {tuple(taps.shape)}"
        )
    after = zip(reversed(taps.shape[1:]), reversed(grid), strict=True)
    placed = pad(taps.double(), [amount for k, n in after for amount in (0, n - k)])
    return FrameFilterBank(fftn(torch.stack([placed, torch.zeros_like(placed)], -1), len(grid)))


def haar_bank(samples: int) -> FrameFilterBank:
    """Half the sum and half the difference of two neighbours: both bounds are 1."""
    return bank_of_taps(torch.tensor([[0.5, 0.5], [0.5, -0.5]]), (samples,))


def morlet_bank(grid: Shape, octaves: int, directions: int = 8) -> FrameFilterBank:
    """Morlet wavelets, divided by the root of their upper bound.  grid: (L,) or (H, W).

    Directions are spread over the whole circle; along one axis there are two, forwards and backwards.
    """
    if len(grid) not in (1, 2) or octaves < 1 or directions < 1:
        raise ArgumentError(
            f"expected a grid of one or two axes, octaves and directions of 1 or more, got {grid}, "
            f"{octaves} octaves, {directions} directions"
        )
    angles = [2 * pi * k / directions for k in range(directions)] if len(grid) == 2 else [0, pi]
    responses = [_bump(grid, (0.0,) * len(grid), SPREAD / 2 ** (octaves - 1))]
    for octave, angle in combinations(range(octaves), angles):
        centre, spread = HIGHEST / 2**octave, SPREAD / 2**octave
        along = (cos(angle), sin(angle))[: len(grid)]
        wave = _bump(grid, tuple(centre * part for part in along), spread)
        still = _bump(grid, (0.0,) * len(grid), spread)
        responses.append(wave - still * (wave.flatten()[0] / still.flatten()[0]))  # of mean zero
    real = torch.stack(responses)
    return FrameFilterBank(torch.stack([real, torch.zeros_like(real)], -1)).tight_above()


def _plane(grid: Shape) -> list[Tensor]:
    axes = [torch.fft.fftfreq(n, dtype=torch.float64) for n in grid]
    return list(torch.meshgrid(axes, indexing="ij"))


def _distance(plane: list[Tensor]) -> Tensor:
    return torch.stack(plane).square().sum(0).sqrt()


def _bump(grid: Shape, centre: tuple[float, ...], spread: float) -> Tensor:
    """A Gaussian over the frequencies, and its copies one cycle per sample away."""
    total = torch.zeros(grid, dtype=torch.float64)
    for turns in combinations((-1, 0, 1), repeat=len(grid)):
        moved = [w - c + turn for w, c, turn in zip(_plane(grid), centre, turns, strict=True)]
        total += torch.exp(-_distance(moved).square() / (2 * spread**2))
    return total
