"""Which operator to take, and what another one would give instead."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import final

from circulant.compare.statistics import Standing, Statistics

NEARLY = 0.98  # share of the pick's accuracy that an alternative must keep
CLEARLY = 0.8  # share of the pick's time that it must stay below


@final
class Timing(Enum):
    """The two times that are measured; the value is what a sentence calls them."""

    FORWARD = "forward pass"
    TRAINING = "training step"

    def seconds(self, standing: Standing) -> float:
        return standing.forward_seconds if self is Timing.FORWARD else standing.train_seconds


@final
@dataclass(frozen=True, slots=True)
class Alternative:
    """An operator that gives up little accuracy for much time."""

    standing: Standing
    timing: Timing
    accuracy_share: float  # of the pick's
    time_share: float  # of the pick's


@final
@dataclass(frozen=True, slots=True)
class Choice:
    """The answer of the report."""

    pick: Standing
    tied: tuple[Standing, ...]  # operators that the test cannot tell from the most accurate, it included
    alternative: Alternative | None
    beats_control: bool  # the pick, by the paired test
    any_beats_control: bool  # some operator


def choose(statistics: Statistics) -> Choice | None:
    """Among operators not told from the most accurate, the fastest forward; None where none finished."""
    operators = statistics.operators
    if not operators:
        return None
    best = operators[0]
    tied = tuple(one for one in operators if not statistics.differ(best.operator, one.operator))
    pick = min(tied, key=lambda one: (one.forward_seconds, -one.accuracy))
    return Choice(
        pick,
        tied,
        _alternative(pick, operators),
        _beats_control(statistics, pick),
        any(_beats_control(statistics, one) for one in operators),
    )


def _beats_control(statistics: Statistics, standing: Standing) -> bool:
    control = statistics.control
    if control is None:
        return False
    pair = statistics.pair(standing.operator, control.operator)
    return pair.differs and pair.difference > 0


def _alternative(pick: Standing, operators: Sequence[Standing]) -> Alternative | None:
    """The fastest of those that keep nearly the accuracy in clearly less time; forward first."""
    near = [one for one in operators if one is not pick and one.accuracy >= NEARLY * pick.accuracy > 0]
    for timing in Timing:
        faster = [one for one in near if timing.seconds(one) < CLEARLY * timing.seconds(pick)]
        if faster and pick.profile:
            chosen = min(faster, key=lambda one: (timing.seconds(one), -one.accuracy))
            time_share = timing.seconds(chosen) / timing.seconds(pick)
            return Alternative(chosen, timing, chosen.accuracy / pick.accuracy, time_share)
    return None


def frontier(operators: Sequence[Standing], timing: Timing) -> tuple[Standing, ...]:
    """Measured operators that no other beats in time and accuracy both, fastest first."""
    measured = [one for one in operators if one.profile]
    best = [one for one in measured if not any(_beats(other, one, timing) for other in measured)]
    return tuple(sorted(best, key=lambda one: (timing.seconds(one), -one.accuracy)))


def _beats(one: Standing, other: Standing, timing: Timing) -> bool:
    """At least as good in both, better in one."""
    quicker = timing.seconds(other) - timing.seconds(one)
    better = one.accuracy - other.accuracy
    return quicker >= 0 and better >= 0 and (quicker > 0 or better > 0)
