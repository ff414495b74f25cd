"""Which operator to take, and what another one would give instead."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import final

from circulant.compare.metric import Metric
from circulant.compare.statistics import Standing, Statistics

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
    """An operator that gives up little of the score for much time."""

    standing: Standing
    timing: Timing
    time_share: float  # of the pick's


@final
@dataclass(frozen=True, slots=True)
class Choice:
    """The answer of the report."""

    pick: Standing
    tied: tuple[Standing, ...]  # operators that the test cannot tell from the best, it included
    alternative: Alternative | None
    beats_control: bool  # the pick, by the paired test
    any_beats_control: bool  # some operator


def choose(statistics: Statistics) -> Choice | None:
    """Among operators not told from the best, the fastest forward; None where none finished."""
    operators = statistics.operators
    if not operators:
        return None
    best = operators[0]
    tied = tuple(one for one in operators if not statistics.differ(best.operator, one.operator))
    metric = statistics.metric
    pick = min(tied, key=lambda one: (one.forward_seconds, metric.gain(0.0, one.score)))
    return Choice(
        pick,
        tied,
        _alternative(pick, operators, metric),
        _beats_control(statistics, pick),
        any(_beats_control(statistics, one) for one in operators),
    )


def _beats_control(statistics: Statistics, standing: Standing) -> bool:
    control = statistics.control
    if control is None:
        return False
    return statistics.ahead(statistics.pair(standing.operator, control.operator))


def _alternative(pick: Standing, operators: Sequence[Standing], metric: Metric) -> Alternative | None:
    """The fastest of those that keep nearly the score in clearly less time; forward first."""
    near = [one for one in operators if one is not pick and metric.keeps(one.score, pick.score)]
    for timing in Timing:
        faster = [one for one in near if timing.seconds(one) < CLEARLY * timing.seconds(pick)]
        if faster and pick.profile:
            chosen = min(faster, key=lambda one: (timing.seconds(one), metric.gain(0.0, one.score)))
            time_share = timing.seconds(chosen) / timing.seconds(pick)
            return Alternative(chosen, timing, time_share)
    return None


def frontier(statistics: Statistics, timing: Timing) -> tuple[Standing, ...]:
    """Measured operators that no other beats in time and score both, fastest first."""
    metric = statistics.metric
    measured = [one for one in statistics.operators if one.profile]
    best = [one for one in measured if not any(_beats(other, one, timing, metric) for other in measured)]
    return tuple(sorted(best, key=lambda one: (timing.seconds(one), metric.gain(0.0, one.score))))


def _beats(one: Standing, other: Standing, timing: Timing, metric: Metric) -> bool:
    """At least as good in both, better in one."""
    quicker = timing.seconds(other) - timing.seconds(one)
    better = metric.gain(one.score, other.score)
    return quicker >= 0 and better >= 0 and (quicker > 0 or better > 0)
