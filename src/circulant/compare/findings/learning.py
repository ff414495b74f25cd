"""How fast each operator learns, and whether more training might change the order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.compare.findings.words import SEED, example_noun, listing
from circulant.compare.metric import Metric, metric_of
from circulant.compare.records import BudgetUnit, Comparison, CurvePoint
from circulant.data.task import Task


@final
@dataclass(frozen=True, slots=True)
class Curve:
    """Score on the test part over epochs, or over seconds where the budget is in seconds."""

    place: NDArray[np.float64]
    score: NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True)
class Learning:
    """The curves of one operator."""

    operator: str
    mean: Curve
    seeds: tuple[Curve, ...]
    metric: Metric

    def reaches(self, level: float) -> float | None:
        """First evaluation at which the mean is at that level."""
        there = np.flatnonzero([self.metric.gain(score, level) >= 0 for score in self.mean.score.tolist()])
        return float(self.mean.place[there[0]]) if there.size else None

    @property
    def last_gain(self) -> float:
        """Between the last two evaluations; only where there are two."""
        before, last = self.mean.score[-2:].tolist()
        return self.metric.gain(last, before)


def learning_of(comparison: Comparison, operators: Sequence[str]) -> tuple[Learning, ...]:
    """Operators without an evaluation are left out."""
    in_epochs = comparison.settings.budget.unit is BudgetUnit.EPOCHS
    found = []
    for operator in operators:
        trials = [trial for trial in comparison.trials if trial.operator == operator and trial.curve]
        seeds = tuple(_curve(trial.curve, in_epochs) for trial in trials)
        if seeds:
            found.append(Learning(operator, _mean(seeds), seeds, metric_of(comparison.data)))
    return tuple(found)


def _curve(points: Sequence[CurvePoint], in_epochs: bool) -> Curve:
    places = [point.epoch if in_epochs else point.seconds for point in points]
    return Curve(np.array(places), np.array([point.test_score for point in points]))


def _mean(seeds: Sequence[Curve]) -> Curve:
    """At the evaluations of the longest curve; the others read in between, their ends held."""
    place = max((seed.place for seed in seeds), key=len)
    read = [np.interp(place, seed.place, seed.score) for seed in seeds]
    return Curve(place, np.mean(read, axis=0))


def common_level(curves: Sequence[Learning]) -> float | None:
    """The best round score that at least half of the operators reach."""
    for level in curves[0].metric.levels if curves else ():
        if 2 * sum(one.reaches(level) is not None for one in curves) >= len(curves):
            return level
    return None


def learning_caption(one: Learning, level: float | None, unit: BudgetUnit) -> str:
    """95 % in epoch 3, or never 95 %."""
    if level is None:
        return f"{one.metric.show(float(one.mean.score[-1]))} at the end"
    text = one.metric.round(level)
    reached = one.reaches(level)
    if reached is None:
        return f"never {text}"
    return f"{text} in epoch {reached:.3g}" if unit is BudgetUnit.EPOCHS else f"{text} after {reached:.3g} s"


def learning_intro(comparison: Comparison) -> str:
    noun, metric = example_noun(comparison.data), metric_of(comparison.data)
    if comparison.data.task is not Task.CLASSIFICATION:
        unit = f", in {metric.symbol}" if metric.times != 1 else ""
        scale = " The scale is logarithmic." if metric.logarithmic else ""
        return f"{metric.title} on the test {noun.plural} during training{unit}; lower is better.{scale}"
    return (
        f"Accuracy on the test {noun.plural} during training, in %. The scale stretches towards 100: from "
        "90 to 95 is as far as from 80 to 90, because both halve the errors."
    )


def more_training(curves: Sequence[Learning]) -> str:
    """Whether the order might change with a larger budget."""
    several = [one for one in curves if one.mean.score.size > 1]
    if not several:
        return "There was one evaluation only, so these curves cannot tell whether more training would help."
    metric = curves[0].metric
    climbing = [one.operator for one in several if one.last_gain > metric.climbing]
    if not climbing:
        return f"No operator gained more than {metric.climbed} between its last two evaluations."
    if len(climbing) == len(several) > 1:
        return (
            f"Every operator still gained more than {metric.climbed} between its last two evaluations: "
            "a larger budget may change the order."
        )
    return (
        f"{listing(climbing)} still gained more than {metric.climbed} between the last two evaluations: "
        "a larger budget may change the order."
    )


def learning_note(comparison: Comparison) -> str:
    seeds = len(comparison.settings.seeds)
    several = f"Thick line: mean. Thin lines: the {SEED.worded(seeds)}."
    thin = several if seeds > 1 else "Thick line: the one seed."
    return (
        f"{thin} Grey: all other operators. Figures elsewhere in this report are those of the end of "
        f"training; no moment was picked by its test {metric_of(comparison.data).name}."
    )
