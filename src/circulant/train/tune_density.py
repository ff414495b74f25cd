"""Finds the density of weighted convolutions: from 1 everywhere in the direction that scores better.

After Cammarasana and Patanè (2025), Optimal Weighted Convolution for Classification and Denosing, and the
advice published with its code: train with 0.9, 1 and 1.1 from the same weights, then go on to the optimum.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from torch import nn

from circulant.core.errors import ArgumentError
from circulant.operators.spatial.weighted_conv_layer import WeightedConvNd

Density = tuple[float, ...]
Score = Callable[[Density], float]

STEP = 0.1
RANGES: Mapping[int, tuple[tuple[float, float], ...]] = {  # published, from the rim inwards
    3: ((0.5, 1.5),),
    5: ((0.05, 1.0), (0.5, 1.5)),
    7: ((0.05, 0.5), (0.15, 1.0), (0.25, 1.5)),
}
DIGITS = 6  # to which a density is rounded, so that steps there and back meet


@final
@dataclass(frozen=True, slots=True)
class DensitySearch:
    """What was found; scores as given, higher is better."""

    best: Density
    score: float
    plain_score: float  # of density 1, torch's own convolution
    tried: Mapping[Density, float]

    @property
    def gain(self) -> float:
        """Over density 1; never below 0."""
        return self.score - self.plain_score

    def __str__(self) -> str:
        gained = f"{self.score:.4g}, {self.gain:+.4g} over density 1"
        return f"density {self.best}: {gained} ({len(self.tried)} tried)"


def tune_density(
    score: Score,
    kernel_size: int,
    *,
    step: float = STEP,
    ranges: Sequence[tuple[float, float]] | None = None,
) -> DensitySearch:
    """score(density) trains and judges, from the same first weights each time.

    One number after the other moves by steps within its range, for as long as the score rises, until none
    rises any more. A range that leaves out 1 is entered at its end.
    """
    if ranges is None and kernel_size not in RANGES:
        raise ArgumentError(
            f"expected ranges for kernel_size = {kernel_size}; published ones are for 3, 5 and 7"
        )
    bounds = tuple(RANGES[kernel_size] if ranges is None else ranges)
    if step <= 0 or len(bounds) != kernel_size // 2 or not all(0 <= low < high for low, high in bounds):
        raise ArgumentError(
            f"expected a step above 0 and {kernel_size // 2} ranges (low, high), got {step} and {bounds}"
        )
    plain = (1.0,) * len(bounds)
    tried = {plain: score(plain)}
    best, risen = plain, True
    while risen:
        before = best
        for place, bound in enumerate(bounds):
            best = _climb(score, best, place, bound, step, tried)
        risen = best != before
    return DensitySearch(best, tried[best], tried[plain], tried)


def _climb(
    score: Score,
    start: Density,
    place: int,
    bound: tuple[float, float],
    step: float,
    tried: dict[Density, float],
) -> Density:
    """The best on the line through `start` along that number, as far as the score keeps rising."""
    best = start
    for direction in (-step, step):
        while True:
            value = min(max(best[place] + direction, bound[0]), bound[1])
            new = (*best[:place], round(value, DIGITS), *best[place + 1 :])
            if new not in tried:
                tried[new] = score(new)
            if tried[new] <= tried[best]:
                break
            best = new
    return best


def set_density(network: nn.Module, density: Sequence[float]) -> tuple[str, ...]:
    """Give every weighted convolution of the network that density; the names of those layers."""
    layers = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, WeightedConvNd)]
    if not layers:
        raise ArgumentError("expected a network with weighted convolutions, got none; see WeightedConv2d")
    for _, layer in layers:
        layer.set_density(density)
    return tuple(name for name, _ in layers)
