"""Every pair in one table: row minus column."""

from dataclasses import dataclass
from typing import final

from circulant.compare.findings.words import shown_name
from circulant.compare.statistics import Pair, Statistics


@final
@dataclass(frozen=True, slots=True)
class MatrixCell:
    text: str
    kind: str  # class of the cell: up, down or empty
    said: str  # hidden words for a screen reader


@final
@dataclass(frozen=True, slots=True)
class MatrixRow:
    name: str
    cells: tuple[MatrixCell, ...]


def matrix_rows(statistics: Statistics) -> tuple[MatrixRow, ...]:
    names = [standing.operator for standing in statistics.standings]
    return tuple(MatrixRow(shown_name(a), tuple(_cell(statistics, a, b) for b in names)) for a in names)


def _cell(statistics: Statistics, first: str, second: str) -> MatrixCell:
    if first == second:
        return MatrixCell("·", "", "same operator")
    pair = statistics.pair(first, second)
    text = statistics.metric.difference(pair.difference)
    return MatrixCell(text, _kind(statistics, pair), "more than chance" if pair.differs else "")


def _kind(statistics: Statistics, pair: Pair) -> str:
    if not pair.differs:
        return ""
    return "up" if statistics.ahead(pair) else "down"
