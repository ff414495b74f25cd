"""Operators in order of their score, with interval, seeds, and brackets around those not told apart."""

from collections.abc import Iterator, Sequence

from circulant.compare.choice import Choice
from circulant.compare.findings.words import shown_name
from circulant.compare.metric import Metric
from circulant.compare.page.width import Width
from circulant.compare.statistics import Standing, Statistics
from circulant.report.axis import line, path, text, top_axis
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.scale import LinearScale
from circulant.report.text_width import shortened

TOP, STEP = 46.0, 27.0
BRACKET = 13.0  # width of one column of brackets


def ranking_plot(statistics: Statistics, choice: Choice | None, width: Width) -> Fragment:
    order, metric = statistics.standings, statistics.metric
    columns = _columns(statistics)
    labels = 190.0 if width is Width.WIDE else 124.0
    right = width.full - BRACKET * (len(columns) + 1)
    bottom = TOP + STEP * len(order)
    low = min(min(s.low, *s.by_seed) for s in order)
    high = max(max(s.high, *s.by_seed) for s in order)
    margin = max(0.03 * (high - low), 0.001)
    scale = LinearScale(low - margin, high + margin, labels, right, metric.times)
    parts = [text(0, 12, metric.axis, "unit"), *top_axis(scale, TOP - 8, bottom, 46)]
    pick = choice.pick.operator if choice and choice.any_beats_control else None
    for row, standing in enumerate(order):
        parts += _row(standing, TOP + STEP * (row + 0.5), scale, standing.operator == pick)
    places = {standing.operator: TOP + STEP * (row + 0.5) for row, standing in enumerate(order)}
    for column, groups in enumerate(columns):
        x = right + BRACKET * (column + 0.8)
        parts += [_bracket(x, places[group[0]], places[group[-1]]) for group in groups]
    if columns:
        words = "brackets join operators that the test cannot tell apart"
        parts.append(text(width.full, bottom + 20, words, "tick", "end"))
    return drawing(width.full, bottom + 28, parts, _description(order, metric), width.css)


def _description(order: Sequence[Standing], metric: Metric) -> str:
    spots = [
        f"{shown_name(s.operator)} {metric.show(s.score)} ({metric.show(s.low)} to {metric.show(s.high)})"
        for s in order
    ]
    return f"Operators by {metric.name}: {'; '.join(spots)}"


def _row(standing: Standing, y: float, scale: LinearScale, picked: bool) -> Iterator[Fragment]:
    on = " on" if picked else ""
    name = shortened(shown_name(standing.operator), 12.5, scale.start - 8)
    yield text(scale.start - 8, y + 4, name, "ctl end" if standing.is_control else "end" + on, "end")
    yield line(scale.place(standing.low), y, scale.place(standing.high), y, "whisk" + on)
    for score in standing.by_seed:
        x = scale.place(score)
        yield line(x, y - 5, x, y + 5, "seed" + on)
    kind = "ctl" if standing.is_control else on.strip()
    yield element("circle", cx=scale.place(standing.score), cy=y, r=4.6, class_=f"dot {kind}".strip())


def _bracket(x: float, top: float, bottom: float) -> Fragment:
    return path([(x - 4, top - 8), (x, top - 8), (x, bottom + 8), (x - 4, bottom + 8)], "bracket")


def _columns(statistics: Statistics) -> list[list[tuple[str, ...]]]:
    """Groups packed into as few columns as keep them apart."""
    order = [standing.operator for standing in statistics.standings]
    columns: list[list[tuple[str, ...]]] = []
    for group in statistics.groups:
        for column in columns:
            if order.index(column[-1][-1]) < order.index(group[0]):
                column.append(group)
                break
        else:
            columns.append([group])
    return columns
