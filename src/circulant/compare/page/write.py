"""From a comparison to its page: the answer first, then everything it rests on."""

from collections.abc import Mapping
from pathlib import Path

from circulant.compare.choice import choose
from circulant.compare.findings.answer import facts, headline, stand_first
from circulant.compare.page import parts
from circulant.compare.page.parts import Content
from circulant.compare.records import Comparison
from circulant.compare.statistics import statistics_of
from circulant.core.atomic_file import write_atomically
from circulant.core.card import Paper
from circulant.report.document import render
from circulant.report.numbers import long_date

TEMPLATES = Path(__file__).parent / "templates"

Papers = Mapping[str, tuple[Paper, ...]]  # by name of operator


def render_report(comparison: Comparison, papers: Papers | None = None) -> str:
    """The page as text. papers says where each operator comes from."""
    statistics = statistics_of(comparison)
    choice = choose(statistics)
    answer = headline(comparison, statistics, choice)
    content: Content = {
        "title": f"{answer.short} – {comparison.settings.title} – circulant compare",
        "run_title": comparison.settings.title,
        "date": long_date(comparison.machine.date),
        "headline": answer,
        "stand_first": stand_first(comparison, statistics, choice),
        "facts": facts(statistics),
        "command": comparison.settings.command,
        "failures": comparison.failures,
        **parts.summary(comparison, statistics, choice),
        **parts.tradeoff(comparison, statistics, choice),
        **parts.chance(comparison, statistics, choice),
        **parts.learning(comparison, statistics),
        **parts.sight(comparison, statistics),
        **parts.run(comparison, statistics),
        **parts.papers(comparison, papers or {}),
    }
    return render(TEMPLATES, "report.html", content)


def write_report(comparison: Comparison, path: Path, papers: Papers | None = None) -> None:
    """Create or replace the report at path, whole or not at all."""
    write_atomically(path, render_report(comparison, papers))
