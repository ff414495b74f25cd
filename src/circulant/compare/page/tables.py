"""The two tables of numbers: summary and cost. Cells hold what is printed and what is sorted by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from math import ceil, floor
from typing import final

from circulant.compare.choice import Choice
from circulant.compare.findings.chance import against_best, verdict
from circulant.compare.findings.words import Noun, shown_name
from circulant.compare.metric import Metric
from circulant.compare.records import Profile, Spread
from circulant.compare.statistics import Standing, Statistics
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.numbers import (
    BYTES,
    COUNT,
    COUNT_WORDS,
    TIME,
    Unit,
    percent,
    unit_for,
)

UNKNOWN = "–"


@final
class Tone(Enum):
    """How a cell is set off; the value is its class."""

    PLAIN = ""
    BEST = "best"
    WORDS = "l"
    WORSE = "l worse"


@final
@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    value: float | str  # what the column is sorted by
    tone: Tone = Tone.PLAIN
    aside: str = ""  # smaller, behind the text
    bar: Fragment | None = None


@final
@dataclass(frozen=True, slots=True)
class Header:
    text: str
    unit: str
    descending: bool = False  # what the first click sorts by
    words: bool = False  # cells are words, not figures


@final
@dataclass(frozen=True, slots=True)
class Line:
    """One row: an operator or the control."""

    standing: Standing
    name: str
    picked: bool
    cells: tuple[Cell, ...]


@final
@dataclass(frozen=True, slots=True)
class Table:
    headers: tuple[Header, ...]
    lines: tuple[Line, ...]


@final
@dataclass(frozen=True, slots=True)
class Measure:
    """A column of the profile."""

    title: str
    where: str  # completes the unit: "ms, 64 images"
    family: Sequence[Unit]
    value: Callable[[Profile], float]
    spread: Callable[[Profile], Spread] | None = None

    def header(self, unit: Unit) -> Header:
        symbol = COUNT_WORDS.get(unit.symbol, unit.symbol)
        return Header(self.title, ", ".join(part for part in (symbol, self.where) if part))


def in_table_order(statistics: Statistics) -> tuple[Standing, ...]:
    """Best first, the control last wherever it stands."""
    return tuple(sorted(statistics.standings, key=lambda standing: standing.is_control))


def summary_table(statistics: Statistics, choice: Choice | None, noun: Noun) -> Table:
    order, metric = in_table_order(statistics), statistics.metric
    down = not metric.lower_is_better
    score = Header(metric.title, f"{metric.symbol}, ± 95\u202f% interval", descending=down)
    headers = [score, Header("Against the best", "paired test", descending=down, words=True)]
    columns = [_scores(order, metric), [_verdict(statistics, standing) for standing in order]]
    if any(standing.characters_right is not None for standing in order):
        headers.append(Header("Characters right", "%", descending=True))
        columns.append(_characters_right(order))
    for measure in _summary_measures(_batch(order, noun)):
        header, cells = _measured(measure, order, bars=False)
        headers.append(header)
        columns.append(cells)
    return _table(headers, columns, order, choice)


def cost_table(statistics: Statistics, choice: Choice | None, noun: Noun) -> Table:
    order = in_table_order(statistics)
    columns = [_measured(m, order, bars=True) for m in _cost_measures(noun, _batch(order, noun))]
    return _table([header for header, _ in columns], [cells for _, cells in columns], order, choice)


def _table(
    headers: Sequence[Header], columns: Sequence[list[Cell]], order: Sequence[Standing], choice: Choice | None
) -> Table:
    pick = choice.pick.operator if choice and choice.any_beats_control else None
    lines = (
        Line(standing, shown_name(standing.operator), standing.operator == pick, tuple(cells))
        for standing, *cells in zip(order, *columns, strict=True)
    )
    return Table(tuple(headers), tuple(lines))


def _batch(order: Sequence[Standing], noun: Noun) -> str:
    sizes = {standing.profile.batch for standing in order if standing.profile}
    return noun.counted(sizes.pop()) if len(sizes) == 1 else "one batch"


def _summary_measures(batch: str) -> tuple[Measure, ...]:
    return (
        Measure("Forward", batch, TIME, lambda profile: profile.forward.median),
        Measure("Training step", batch, TIME, lambda profile: profile.train_step.median),
        Measure("Parameters", "", COUNT, lambda profile: profile.parameters),
        Measure("Memory", "training", BYTES, lambda profile: profile.train_byte),
    )


def _cost_measures(noun: Noun, batch: str) -> tuple[Measure, ...]:
    forward, training = _summary_measures(batch)[:2]
    return (
        Measure("Parameters", "", COUNT, lambda profile: profile.parameters),
        Measure("MACs", f"one {noun.singular}", COUNT, lambda profile: profile.mac),
        Measure("Memory", "forward", BYTES, lambda profile: profile.forward_byte),
        Measure("Memory", "training", BYTES, lambda profile: profile.train_byte),
        Measure(forward.title, batch, TIME, forward.value, lambda profile: profile.forward),
        Measure(training.title, batch, TIME, training.value, lambda profile: profile.train_step),
    )


def interval_scale(order: Sequence[Standing], metric: Metric) -> tuple[float, float]:
    """Round values around all intervals: the ends of the bars' common scale."""
    steps = round(1 / metric.round_to)
    low = min((standing.low for standing in order), default=0.0)
    high = max((standing.high for standing in order), default=1.0)
    return floor(low * steps + 1e-9) / steps, ceil(high * steps - 1e-9) / steps


def _scores(order: Sequence[Standing], metric: Metric) -> list[Cell]:
    texts = [metric.show(standing.score) for standing in order]
    best = [texts[i] for i, standing in enumerate(order) if not standing.is_control][:1]
    low, high = interval_scale(order, metric)
    return [
        Cell(
            text,
            standing.score,
            _tone(text in best and not standing.is_control),
            metric.half_width(standing.low, standing.high),
            interval_bar(standing, low, high),
        )
        for text, standing in zip(texts, order, strict=True)
    ]


def _characters_right(order: Sequence[Standing]) -> list[Cell]:
    """All that print like the highest among operators are best."""
    shares = [-1.0 if one.characters_right is None else one.characters_right for one in order]
    competing = [share for share, one in zip(shares, order, strict=True) if not one.is_control]
    highest = percent(max(competing, default=-1.0))
    return [
        Cell(percent(share), share, _tone(percent(share) == highest and not one.is_control))
        if share >= 0
        else Cell(UNKNOWN, share)
        for share, one in zip(shares, order, strict=True)
    ]


def _verdict(statistics: Statistics, standing: Standing) -> Cell:
    pair = against_best(statistics, standing)
    if not statistics.operators:
        return Cell(UNKNOWN, 0.0)
    worse = pair is not None and pair.differs and not statistics.ahead(pair)
    return Cell(
        verdict(statistics, standing), pair.difference if pair else 0.0, Tone.WORSE if worse else Tone.WORDS
    )


def _tone(best: bool) -> Tone:
    return Tone.BEST if best else Tone.PLAIN


def _measured(measure: Measure, order: Sequence[Standing], bars: bool) -> tuple[Header, list[Cell]]:
    """One column in one unit; all that print like the least among operators are best."""
    values = [measure.value(standing.profile) if standing.profile else None for standing in order]
    known = [value for value in values if value is not None]
    unit = unit_for(known, measure.family)
    competing = [
        v for v, standing in zip(values, order, strict=True) if v is not None and not standing.is_control
    ]
    least = unit.number(min(competing)) if competing else None
    largest = max(known, default=1.0) or 1.0
    cells = []
    for value, standing in zip(values, order, strict=True):
        if value is None or standing.profile is None:
            cells.append(Cell(UNKNOWN, float("inf")))
            continue
        text = unit.number(value)
        tone = _tone(text == least and not standing.is_control)
        aside = _range(measure, standing.profile, unit)
        cells.append(Cell(text, value, tone, aside, share_bar(value / largest) if bars else None))
    return measure.header(unit), cells


def _range(measure: Measure, profile: Profile, unit: Unit) -> str:
    if measure.spread is None:
        return ""
    spread = measure.spread(profile)
    return f"{unit.number(spread.low)}–{unit.number(spread.high)}"


def share_bar(share: float) -> Fragment:
    """A thin line, as long as the share of the column's largest value."""
    back = element("rect", width=100.0, height=3.0, class_="back")
    return drawing(
        100, 3, [back, element("rect", width=100 * share, height=3.0, class_="fill")], class_="share"
    )


BAR_WIDTH, BAR_MARGIN = 132.0, 5.0


def interval_bar(standing: Standing, low: float, high: float) -> Fragment:
    """Score and its interval on the scale that all rows share."""
    room = BAR_WIDTH - 2 * BAR_MARGIN

    def place(value: float) -> float:
        return BAR_MARGIN + room * ((value - low) / (high - low) if high > low else 0.5)

    base = element("line", x1=BAR_MARGIN, y1=17.0, x2=BAR_WIDTH - BAR_MARGIN, y2=17.0, class_="grid")
    whisker = element("line", x1=place(standing.low), y1=9.0, x2=place(standing.high), y2=9.0, class_="whisk")
    dot = element("circle", cx=place(standing.score), cy=9.0, r=3.4, class_="dot")
    return drawing(BAR_WIDTH, 18, [base, whisker, dot], class_="interval")
