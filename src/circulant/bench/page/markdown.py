"""Tables and numbers in Markdown."""

from collections.abc import Iterable, Sequence
from math import isnan

from circulant.report.numbers import TIME, show, significant


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)


def times(factor: float) -> str:
    return "–" if isnan(factor) else f"{significant(factor)}×"


def duration(seconds: float) -> str:
    return show(seconds, TIME)
