"""How fast each operator learns, and whether more training might change the order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.compare.findings.words import SEED, example_noun, listing
from circulant.compare.records import BudgetUnit, Comparison, CurvePoint
from circulant.report.numbers import percent

LEVELS = (0.999, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
CLIMBING = 0.01  # gain between the last two evaluations that counts as still learning


@final
@dataclass(frozen=True, slots=True)
class Curve:
    """Test accuracy over epochs, or over seconds where the budget is in seconds."""

    place: NDArray[np.float64]
    accuracy: NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True)
class Learning:
    """The curves of one operator."""

    operator: str
    mean: Curve
    seeds: tuple[Curve, ...]

    def reaches(self, level: float) -> float | None:
        """First evaluation at which the mean is at that level."""
        above = np.flatnonzero(self.mean.accuracy >= level)
        return float(self.mean.place[above[0]]) if above.size else None


def learning_of(comparison: Comparison, operators: Sequence[str]) -> tuple[Learning, ...]:
    """Operators without an evaluation are left out."""
    in_epochs = comparison.settings.budget.unit is BudgetUnit.EPOCHS
    found = []
    for operator in operators:
        trials = [trial for trial in comparison.trials if trial.operator == operator and trial.curve]
        seeds = tuple(_curve(trial.curve, in_epochs) for trial in trials)
        if seeds:
            found.append(Learning(operator, _mean(seeds), seeds))
    return tuple(found)


def _curve(points: Sequence[CurvePoint], in_epochs: bool) -> Curve:
    places = [point.epoch if in_epochs else point.seconds for point in points]
    return Curve(np.array(places), np.array([point.test_accuracy for point in points]))


def _mean(seeds: Sequence[Curve]) -> Curve:
    """At the evaluations of the longest curve; the others read in between, their ends held."""
    place = max((seed.place for seed in seeds), key=len)
    read = [np.interp(place, seed.place, seed.accuracy) for seed in seeds]
    return Curve(place, np.mean(read, axis=0))


def common_level(curves: Sequence[Learning]) -> float | None:
    """The highest round accuracy that at least half of the operators reach."""
    for level in LEVELS:
        if 2 * sum(one.reaches(level) is not None for one in curves) >= len(curves):
            return level
    return None


def learning_caption(one: Learning, level: float | None, unit: BudgetUnit) -> str:
    """95 % in epoch 3, or never 95 %."""
    if level is None:
        return f"{percent(float(one.mean.accuracy[-1]))} at the end"
    text = percent(level, 1 if level > 0.99 else 0)
    reached = one.reaches(level)
    if reached is None:
        return f"never {text}"
    return f"{text} in epoch {reached:.3g}" if unit is BudgetUnit.EPOCHS else f"{text} after {reached:.3g} s"


def learning_intro(comparison: Comparison) -> str:
    noun = example_noun(comparison.data)
    return (
        f"Accuracy on the test {noun.plural} during training, in %. The scale stretches towards 100: from "
        "90 to 95 is as far as from 80 to 90, because both halve the errors."
    )


def more_training(curves: Sequence[Learning]) -> str:
    """Whether the order might change with a larger budget."""
    several = [one for one in curves if one.mean.accuracy.size > 1]
    if not several:
        return "There was one evaluation only, so these curves cannot tell whether more training would help."
    climbing = [o.operator for o in several if o.mean.accuracy[-1] - o.mean.accuracy[-2] > CLIMBING]
    if not climbing:
        return "No operator gained more than a point between its last two evaluations."
    if len(climbing) == len(several) > 1:
        return (
            "Every operator still gained more than a point between its last two evaluations: "
            "a larger budget may change the order."
        )
    return (
        f"{listing(climbing)} still gained more than a point between the last two evaluations: "
        "a larger budget may change the order."
    )


def learning_note(comparison: Comparison) -> str:
    seeds = len(comparison.settings.seeds)
    several = f"Thick line: mean. Thin lines: the {SEED.worded(seeds)}."
    thin = several if seeds > 1 else "Thick line: the one seed."
    return (
        f"{thin} Grey: all other operators. Figures elsewhere in this report are those of the end of "
        "training; no moment was picked by its test accuracy."
    )
