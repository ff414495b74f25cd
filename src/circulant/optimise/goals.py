"""What an optimisation is for."""

from dataclasses import dataclass
from enum import Enum
from typing import final

from circulant.core.errors import ArgumentError


@final
class Objective(Enum):
    TIME = "time"
    SIZE = "size"


@final
@dataclass(frozen=True, slots=True)
class Goals:
    """allowed: names of approximate passes that may be tried.

    is_trained: the model is trained on afterwards, so that every gradient has to be the same too, and the
    time is that of a forward and a backward pass in training mode. accuracy_loss: most of it that an
    approximate pass may cost where labelled data is given, 0.01 for one point. budget: seconds for each
    measurement.
    """

    objective: Objective = Objective.TIME
    is_trained: bool = False
    allowed: frozenset[str] = frozenset()
    accuracy_loss: float = 0.01
    budget: float = 2.0

    def __post_init__(self) -> None:
        if not self.budget > 0:
            raise ArgumentError(f"expected a budget above 0 seconds, got {self.budget}")
        if not 0 <= self.accuracy_loss <= 1:
            raise ArgumentError(f"expected an accuracy_loss from 0 to 1, got {self.accuracy_loss}")
