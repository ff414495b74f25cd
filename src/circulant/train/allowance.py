"""How much training is allowed, and how much of it is used up."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import isfinite
from typing import final

from circulant.core.errors import ArgumentError


class Allowance(ABC):
    """Abstract: an end to training that can be seen coming, so that the learning rate can follow it."""

    @abstractmethod
    def used(self, epochs: float, seconds: float) -> float:
        """Share of the allowance that is used up; training ends at 1."""


def _require_positive(amount: float, unit: str) -> None:
    if not (isfinite(amount) and amount > 0):
        raise ArgumentError(f"expected a positive number of {unit}, got {amount}; give for example 2")


@final
@dataclass(frozen=True, slots=True)
class Epochs(Allowance):
    """Passes over the training part; not necessarily whole."""

    amount: float

    def __post_init__(self) -> None:
        _require_positive(self.amount, "epochs")

    def used(self, epochs: float, seconds: float) -> float:
        return epochs / self.amount


@final
@dataclass(frozen=True, slots=True)
class Seconds(Allowance):
    """Time spent in training steps; evaluation does not count."""

    amount: float

    def __post_init__(self) -> None:
        _require_positive(self.amount, "seconds")

    def used(self, epochs: float, seconds: float) -> float:
        return seconds / self.amount
