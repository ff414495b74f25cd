"""All figures of the report as three tables, for those who want to go on from them."""

from collections.abc import Iterator, Sequence

from circulant.compare.metric import metric_of
from circulant.compare.records import Comparison
from circulant.compare.statistics import Standing, Statistics
from circulant.report.csv_text import csv_text

Row = Sequence[str | float]


def operators_csv(statistics: Statistics) -> str:
    """One row per operator; times in seconds, memory in bytes, accuracies and errors as shares."""
    right = any(standing.characters_right is not None for standing in statistics.standings)
    header = (
        *("operator", statistics.metric.key, "low_95", "high_95", "seeds"),
        *(("characters_right",) if right else ()),
        *("parameters", "mac_per_example", "batch"),
        *("forward_s", "forward_s_10", "forward_s_90", "train_step_s", "train_step_s_10", "train_step_s_90"),
        *("forward_byte", "train_byte"),
    )
    return csv_text(header, map(_operator, statistics.standings))


def _operator(standing: Standing) -> Row:
    row = (standing.operator, standing.score, standing.low, standing.high, len(standing.by_seed))
    right = () if standing.characters_right is None else (standing.characters_right,)
    profile = standing.profile
    if profile is None:
        return (*row, *right)
    forward, step = profile.forward, profile.train_step
    return (
        *row,
        *right,
        profile.parameters,
        profile.mac,
        profile.batch,
        *(forward.median, forward.low, forward.high),
        *(step.median, step.low, step.high),
        profile.forward_byte,
        profile.train_byte,
    )


def pairs_csv(statistics: Statistics) -> str:
    """One row per pair: difference of scores and p-value after the correction."""
    rows = ((pair.first, pair.second, pair.difference, pair.p_value) for pair in statistics.pairs)
    return csv_text(("first", "second", "difference", "p_after_holm"), rows)


def curves_csv(comparison: Comparison) -> str:
    """One row per evaluation of each trial."""
    header = ("operator", "seed", "epoch", "seconds", "train_loss", f"test_{metric_of(comparison.data).key}")
    return csv_text(header, _points(comparison))


def _points(comparison: Comparison) -> Iterator[Row]:
    for trial in comparison.trials:
        for p in trial.curve:
            yield trial.operator, trial.seed, p.epoch, p.seconds, p.train_loss, p.test_score
