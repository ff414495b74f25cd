"""A comparison in numbers, for programs."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from circulant.compare.choice import choose
from circulant.compare.findings.answer import headline
from circulant.compare.records import Comparison
from circulant.compare.statistics import statistics_of


def outline(comparison: Comparison, report: Path) -> dict[str, Any]:
    """Plain dicts, lists, texts and numbers, ready for JSON."""
    statistics = statistics_of(comparison)
    key = statistics.metric.key
    choice = choose(statistics)
    return {
        "headline": str(headline(comparison, statistics, choice)),
        "pick": choice.pick.operator if choice else None,
        "report": str(report.resolve()),
        "data": {
            "name": comparison.data.name,
            "task": comparison.data.task.value,
            "shape": list(comparison.data.shape),
            "classes": list(comparison.data.classes),
            "train_size": comparison.data.train_size,
            "test_size": comparison.data.test_size,
            "fingerprint": comparison.data.fingerprint,
        },
        "budget": str(comparison.settings.budget),
        "seeds": list(comparison.settings.seeds),
        "metric": key,
        "operators": [_named(asdict(standing), key) for standing in statistics.standings],
        "pairs": [{**asdict(pair), "differs": pair.differs} for pair in statistics.pairs],
        "failures": [asdict(failure) for failure in comparison.failures],
        "machine": asdict(comparison.machine),
        "command": comparison.settings.command,
    }


def _named(standing: dict[str, Any], key: str) -> dict[str, Any]:
    """The score under its metric's name, in its place; without what only text has where there is none."""
    named = {key if name == "score" else name: value for name, value in standing.items()}
    return {name: value for name, value in named.items() if name != "characters_right" or value is not None}
