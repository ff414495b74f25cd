"""Does a map name the pixels that the decision needs? The class's probability as they go, or come.

Deletion: the pixels of largest value are replaced first, by zeros; a good map lets the probability fall at
once (small area). Insertion: they are put first into a blurred picture; the probability should rise at once
(large area). The area is the trapezoid rule with n equal steps over [0, 1]; a last step of fewer pixels
counts as whole.

Both areas grow with the confidence of the network, so that they compare maps of one network better than
networks (Nourelahi et al.).

Petsiuk, Das and Saenko (2018), RISE: Randomized Input Sampling for Explanation of Black-box Models,
https://arxiv.org/abs/1806.07421; used in Nourelahi, Kotthoff, Chen and Nguyen (2022), How explainable are
adversarially-robust CNNs?, https://arxiv.org/abs/2205.13042.
"""

from dataclasses import dataclass
from math import ceil
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.class_scores import decision
from circulant.explain.gaussian_blur import gaussian_blur
from circulant.explain.saliency_maps import SaliencyMaps
from circulant.report.fragment import standalone
from circulant.report.share_curve import share_curve

PIXELS_PER_STEP = 224


@final
@dataclass(frozen=True, slots=True, eq=False)
class ReplacementCurves:
    """Probability of the class after each step, the first before any: (B, steps + 1)."""

    game: str  # deletion or insertion
    probability: Tensor

    @property
    def area(self) -> Tensor:
        """Under each curve, (B,), 0 to 1."""
        values = self.probability
        inner = values.sum(1) - (values[:, 0] + values[:, -1]) / 2
        return inner / (values.shape[1] - 1)

    def plot(self) -> str:
        """A stand-alone SVG picture of the mean curve."""
        mean = self.probability.double().mean(0).cpu().numpy()
        axis = "share of pixels " + {"deletion": "deleted", "insertion": "inserted"}[self.game]
        return standalone(share_curve(mean, axis, "probability", f"Mean curve of {self.game}"))


def deletion(
    network: nn.Module,
    maps: SaliencyMaps,
    targets: Tensor | None = None,
    *,
    pixels_per_step: int = PIXELS_PER_STEP,
    substrate: Tensor | None = None,
) -> ReplacementCurves:
    """From the pictures of the maps to the substrate, like x, or None for zeros; largest values first."""
    finish = torch.zeros_like(maps.x) if substrate is None else substrate
    _require(maps, finish, pixels_per_step)
    curve = _curve(network, maps, targets, maps.x, finish, pixels_per_step)
    return ReplacementCurves("deletion", curve)


def insertion(
    network: nn.Module,
    maps: SaliencyMaps,
    targets: Tensor | None = None,
    *,
    pixels_per_step: int = PIXELS_PER_STEP,
    substrate: Tensor | None = None,
) -> ReplacementCurves:
    """From the substrate, like x, or None for a blur of it, to the pictures; largest values first."""
    start = gaussian_blur(maps.x.detach()) if substrate is None else substrate
    _require(maps, start, pixels_per_step)
    curve = _curve(network, maps, targets, start, maps.x, pixels_per_step)
    return ReplacementCurves("insertion", curve)


def _curve(
    network: nn.Module,
    maps: SaliencyMaps,
    targets: Tensor | None,
    start: Tensor,
    finish: Tensor,
    pixels_per_step: int,
) -> Tensor:
    asked = decision(network, maps.x, targets)
    rank = maps.values.flatten(1).argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    rank = rank.reshape(len(rank), 1, *maps.values.shape[1:])
    steps = ceil(maps.values[0].numel() / pixels_per_step)
    rows = torch.arange(len(maps.x))
    curve = [
        asked(torch.where(rank < step * pixels_per_step, finish, start).detach(), rows)
        for step in range(steps + 1)
    ]
    return torch.stack(curve, 1)


def _require(maps: SaliencyMaps, substrate: Tensor, pixels_per_step: int) -> None:
    if substrate.shape != maps.x.shape:
        raise ShapeError(f"expected a substrate {tuple(maps.x.shape)} like x, got {tuple(substrate.shape)}")
    if pixels_per_step < 1:
        raise ArgumentError(f"expected pixels_per_step of 1 or more, got {pixels_per_step}")
