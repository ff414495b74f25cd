"""What the trials say: scores with intervals, which pairs differ, and which runs of neighbours do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.compare.metric import ACCURACY, Metric, metric_of
from circulant.compare.paired_test import holm, wilcoxon_p
from circulant.compare.records import CONTROL, Comparison, DataSummary, Profile, Trial
from circulant.data.task import Task

DRAWS = 4000  # of the bootstrap
LEVEL = 0.05  # a pair differs below it, after the correction for all pairs


@final
@dataclass(frozen=True, slots=True)
class Standing:
    """One operator over its seeds. A score is a mean over the test examples, as the metric has it."""

    operator: str
    by_seed: tuple[float, ...]
    score: float  # mean over seeds
    low: float  # 95 % interval when test examples and seeds are drawn anew
    high: float
    profile: Profile | None  # None where profiling did not get to it
    characters_right: float | None = None  # share of characters named rightly, mean over seeds; of text alone

    @property
    def is_control(self) -> bool:
        return self.operator == CONTROL

    @property
    def forward_seconds(self) -> float:
        """Median of one batch; infinite where it was not measured."""
        return self.profile.forward.median if self.profile else float("inf")

    @property
    def train_seconds(self) -> float:
        """Median of one training step; infinite where it was not measured."""
        return self.profile.train_step.median if self.profile else float("inf")


@final
@dataclass(frozen=True, slots=True)
class Pair:
    """A paired comparison over test examples."""

    first: str
    second: str
    difference: float  # score of the first minus that of the second
    p_value: float  # after the correction

    @property
    def differs(self) -> bool:
        return self.p_value < LEVEL

    def turned(self) -> "Pair":
        return Pair(self.second, self.first, -self.difference, self.p_value)


@final
@dataclass(frozen=True, slots=True)
class Statistics:
    """standings, best first, the control in its place; groups, runs of them not told apart."""

    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]
    groups: tuple[tuple[str, ...], ...]
    metric: Metric = ACCURACY

    @property
    def operators(self) -> tuple[Standing, ...]:
        """Those that compete: all but the control."""
        return tuple(standing for standing in self.standings if not standing.is_control)

    @property
    def control(self) -> Standing | None:
        return next((standing for standing in self.standings if standing.is_control), None)

    def pair(self, first: str, second: str) -> Pair:
        """The comparison of two operators, seen from the first."""
        for pair in self.pairs:
            if (pair.first, pair.second) == (first, second):
                return pair
            if (pair.first, pair.second) == (second, first):
                return pair.turned()
        raise KeyError((first, second))

    def differ(self, first: str, second: str) -> bool:
        return first != second and self.pair(first, second).differs

    def ahead(self, pair: Pair) -> bool:
        """Whether the first of a pair is better by more than chance."""
        return pair.differs and self.metric.ahead(pair.difference)


def statistics_of(comparison: Comparison, seed: int = 0) -> Statistics:
    """The seed decides the draws of the bootstrap."""
    asked = (*comparison.settings.operators, CONTROL)
    names = [name for name in asked if any(trial.operator == name for trial in comparison.trials)]
    trials = {name: [trial for trial in comparison.trials if trial.operator == name] for name in names}
    metric = metric_of(comparison.data)
    scored = [_scores(trials[name], comparison.data) for name in names]
    profiles = {profile.operator: profile for profile in comparison.profiles}
    intervals = _intervals(scored, np.random.default_rng(seed))
    standings = [
        Standing(
            name,
            tuple(score.mean(1).tolist()),
            float(score.mean()),
            low,
            high,
            profiles.get(name),
            _characters_right(trials[name]),
        )
        for name, score, (low, high) in zip(names, scored, intervals, strict=True)
    ]
    ranked = sorted(standings, key=lambda one: (one.is_control, one.forward_seconds))
    ranked.sort(key=lambda one: metric.gain(0.0, one.score))
    scores = {name: score.mean(0) for name, score in zip(names, scored, strict=True)}
    pairs = _pairs([standing.operator for standing in ranked], scores)
    bare = Statistics(tuple(ranked), pairs, (), metric)
    return Statistics(bare.standings, bare.pairs, _groups(bare), metric)


def _scores(trials: Sequence[Trial], data: DataSummary) -> NDArray[np.float64]:
    """(seeds, examples): for classes, 1 where the trial was right."""
    if data.task is not Task.CLASSIFICATION:
        return np.array([trial.scores for trial in trials], dtype=np.float64)
    labels = np.array(data.test_labels)
    return np.array([np.array(trial.predicted) == labels for trial in trials], dtype=np.float64)


def _characters_right(trials: Sequence[Trial]) -> float | None:
    shares = [trial.characters_right for trial in trials if trial.characters_right is not None]
    return fmean(shares) if shares else None


def _intervals(
    scored: Sequence[NDArray[np.float64]], random: np.random.Generator
) -> list[tuple[float, float]]:
    """Percentile intervals; all operators get the same draws of examples."""
    if not scored:
        return []
    examples = scored[0].shape[1]
    every = np.vstack(scored)
    by_draw = np.empty((DRAWS, len(every)))
    for draw in range(DRAWS):
        weights = np.bincount(random.integers(examples, size=examples), minlength=examples)
        by_draw[draw] = every @ weights / examples
    found, first = [], 0
    for score in scored:
        seeds = first + random.integers(len(score), size=(DRAWS, len(score)))
        drawn = np.take_along_axis(by_draw, seeds, axis=1).mean(1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        found.append((float(low), float(high)))
        first += len(score)
    return found


def _pairs(names: Sequence[str], scores: dict[str, NDArray[np.float64]]) -> tuple[Pair, ...]:
    """Every pair once, the better first. Scores: per example, the mean over seeds."""
    couples = list(combinations(names, 2))
    # rounded, so that a third minus a third is no difference
    differences = [np.round(scores[first] - scores[second], 9) for first, second in couples]
    adjusted = holm([wilcoxon_p(difference) for difference in differences])
    return tuple(
        Pair(first, second, float(difference.mean()), p_value)
        for (first, second), difference, p_value in zip(couples, differences, adjusted, strict=True)
    )


def _groups(statistics: Statistics) -> tuple[tuple[str, ...], ...]:
    """Longest runs of neighbours in which no pair differs, of two or more."""
    names = [standing.operator for standing in statistics.standings]
    runs: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(names)):
        stop = start + 1
        while stop < len(names) and not any(statistics.differ(n, names[stop]) for n in names[start:stop]):
            stop += 1
        if stop - start > 1 and stop > reached:
            runs.append(tuple(names[start:stop]))
        reached = max(reached, stop)
    return tuple(runs)
