"""Medians with bounds that assume nothing about how times are spread, and means of ratios."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, exp, floor, fsum, log

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A median with its bounds."""

    median: float
    low: float
    high: float


def quantile(values: Sequence[float], share: float) -> float:
    """Between the two nearest values, on a straight line."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def median_interval(values: Sequence[float]) -> Interval:
    """The median with 95 % bounds from the order of the values (the sign test turned round).

    Fewer than six values allow no such bounds: then they are the least and the largest value.
    """
    ordered = sorted(values)
    cut = bound_rank(len(ordered), (1 - CONFIDENCE) / 2)
    return Interval(quantile(ordered, 0.5), ordered[cut], ordered[len(ordered) - 1 - cut])


def lower_bound(values: Sequence[float]) -> float:
    """What the median lies above with 95 % confidence; below five values the least of them."""
    return sorted(values)[bound_rank(len(values), 1 - CONFIDENCE)]


def bound_rank(count: int, tail: float) -> int:
    """The largest rank r, from 0, such that P(at most r of count fair coins fall heads) <= tail; else 0."""
    total, rank = 0, 0
    for heads in range(count):
        total += comb(count, heads)
        if total / 2**count > tail:
            break
        rank = heads
    return rank


def geometric_mean(values: Sequence[float]) -> float:
    return exp(fsum(map(log, values)) / len(values))
