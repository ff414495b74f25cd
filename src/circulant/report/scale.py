"""From values to places on a drawing, and the round values worth a tick."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Tick:
    value: float
    label: str


@dataclass(frozen=True)
class Scale(ABC):
    """Abstract. Maps low to start and high to stop; start may be the larger, as y grows downwards."""

    low: float
    high: float
    start: float
    stop: float

    @abstractmethod
    def warp(self, value: float) -> float:
        """The value on the axis that is drawn evenly."""

    @abstractmethod
    def candidates(self) -> Iterable[tuple[Tick, ...]]:
        """Sets of ticks, densest first."""

    def place(self, value: float) -> float:
        low, high = self.warp(self.low), self.warp(self.high)
        share = (self.warp(value) - low) / (high - low)
        return self.start + share * (self.stop - self.start)

    def ticks(self, apart: float) -> tuple[Tick, ...]:
        """The densest set of round values whose places keep that distance."""
        inside: tuple[Tick, ...] = ()
        for ticks in self.candidates():
            inside = tuple(t for t in ticks if self.low <= t.value <= self.high)
            places = [self.place(t.value) for t in inside]
            if all(abs(a - b) >= apart for a, b in pairwise(places)):
                return inside
        return inside[:1]


def _decimal(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".").replace("-", "−")


@final
@dataclass(frozen=True)
class LinearScale(Scale):
    """Even steps of 1, 2 or 5 times a power of ten. times: what labels show, 100 for percent."""

    times: float = 1.0

    def warp(self, value: float) -> float:
        return value

    def candidates(self) -> Iterable[tuple[Tick, ...]]:
        low, high = self.low * self.times, self.high * self.times
        exponent = floor(log10(high - low)) - 2
        for power in range(exponent, exponent + 5):
            for digit in (1, 2, 5):
                step = digit * 10.0**power
                first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
                if last - first <= 200:
                    values = [number * step for number in range(first, last + 1)]
                    yield tuple(Tick(_inside(v / self.times, self), _decimal(v)) for v in values)


def _inside(value: float, scale: Scale) -> float:
    """The value, without the rounding error that would put the end of an axis outside of it."""
    return min(max(value, scale.low), scale.high)


@final
@dataclass(frozen=True)
class LogScale(Scale):
    """Logarithmic; unit is what one on the labels stands for."""

    unit: float = 1.0

    def warp(self, value: float) -> float:
        return log10(value)

    def candidates(self) -> Iterable[tuple[Tick, ...]]:
        powers = range(floor(log10(self.low / self.unit)), ceil(log10(self.high / self.unit)) + 1)
        for digits in ((1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
            values = [digit * 10.0**power for power in powers for digit in digits]
            yield tuple(Tick(value * self.unit, _decimal(value)) for value in values)


ACCURACIES = (0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998)
FEWER = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
FEWEST = (0, 0.5, 0.9, 0.99, 0.999)


@final
@dataclass(frozen=True)
class ErrorScale(Scale):
    """Logarithmic in the error 1 - value, labelled in percent right. floor: the smallest error drawn."""

    floor: float = 1e-4

    def warp(self, value: float) -> float:
        return -log10(max(1 - value, self.floor))

    def candidates(self) -> Iterable[tuple[Tick, ...]]:
        for values in (ACCURACIES, FEWER, FEWEST):
            yield tuple(Tick(value, _decimal(value * 100)) for value in values)
