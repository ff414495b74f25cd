"""Score against time: every operator a point, the frontier a line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import final

from circulant.compare.choice import Choice, Timing, frontier
from circulant.compare.findings.tradeoff import frontier_description
from circulant.compare.findings.words import shown_name
from circulant.compare.metric import Metric
from circulant.compare.page.width import Width
from circulant.compare.statistics import Standing, Statistics
from circulant.report.axis import bottom_axis, left_axis, line, path, text
from circulant.report.fragment import Fragment, drawing, element, join
from circulant.report.labels import Box, Label, Point, place_labels
from circulant.report.numbers import TIME, unit_for
from circulant.report.scale import LinearScale, LogScale
from circulant.report.text_width import shortened

HEIGHT, LEFT, TOP, BOTTOM = 430.0, 34.0, 28.0, 380.0
SIZE = 12.0  # of labels


@final
@dataclass(frozen=True, slots=True)
class Frame:
    """What is inside the plot and where it goes."""

    shown: tuple[Standing, ...]
    time: LogScale
    score: LinearScale  # better is further up
    timing: Timing

    def spot(self, standing: Standing) -> tuple[float, float]:
        return self.time.place(self.timing.seconds(standing)), self.score.place(standing.score)


def control_outside(statistics: Statistics) -> bool:
    """Whether the control is so far below the operators that showing it would squeeze them."""
    control = statistics.control
    if control is None:
        return False
    gain = statistics.metric.gain
    ends = [end for one in statistics.operators for end in (one.low, one.high)]
    return bool(ends) and all(gain(end, control.score) > 0 for end in ends)


def _frame(statistics: Statistics, timing: Timing, width: Width) -> Frame:
    outside = control_outside(statistics)
    shown = tuple(s for s in statistics.standings if s.profile and not (s.is_control and outside))
    seconds = [timing.seconds(standing) for standing in shown]
    bounds = [standing for standing in shown if not standing.is_control]
    low, high = min(s.low for s in bounds), max(s.high for s in bounds)
    margin = max(0.06 * (high - low), 0.001)
    unit = unit_for(seconds, TIME)
    right = width.half - 8
    metric = statistics.metric
    ends = (TOP, BOTTOM) if metric.lower_is_better else (BOTTOM, TOP)
    return Frame(
        shown,
        LogScale(min(seconds) / 1.18, max(seconds) * 1.18, LEFT, right, unit.size),
        LinearScale(low - margin, high + margin, *ends, metric.times),
        timing,
    )


def tradeoff_plot(statistics: Statistics, choice: Choice, timing: Timing, width: Width) -> Fragment:
    """One plot; only for statistics in which some operator was measured."""
    frame = _frame(statistics, timing, width)
    best = frontier(statistics, timing)
    pick = choice.pick.operator if choice.any_beats_control else None
    parts = [
        *_axes(frame, statistics.metric),
        *(_whisker(frame, one, pick) for one in frame.shown),
        _front(frame, best),
    ]
    parts += [_dot(frame, one, one in best, one.operator == pick) for one in frame.shown]
    spots = [frame.spot(one) for one in frame.shown if one.operator == pick]
    parts += [
        _name(label, (label.point.x, label.point.y) in spots)
        for label in plot_labels(statistics, timing, width)
    ]
    return drawing(width.half, HEIGHT, parts, frontier_description(statistics, timing), width.css)


def some_unnamed(statistics: Statistics) -> bool:
    """Whether any of the plots has a point for whose name there is no room."""
    plots = product(Timing, Width)
    return any(len(plot_labels(statistics, *plot)) < len(_frame(statistics, *plot).shown) for plot in plots)


def plot_labels(statistics: Statistics, timing: Timing, width: Width) -> tuple[Label, ...]:
    """Where the names stand; those on the frontier get their places first."""
    frame, best = _frame(statistics, timing, width), frontier(statistics, timing)
    room = width.half / 2.6
    points = [
        Point(
            shortened(shown_name(one.operator), SIZE, room), *frame.spot(one), radius=5.5, first=one in best
        )
        for one in frame.shown
    ]
    return place_labels(points, Box(LEFT + 2, TOP - 12, width.half, BOTTOM - 2), SIZE)


def _axes(frame: Frame, metric: Metric) -> Iterator[Fragment]:
    unit = next(u for u in TIME if u.size == frame.time.unit)
    yield text(0, 11, f"{metric.axis} (less is up)" if metric.lower_is_better else metric.axis, "unit")
    yield from left_axis(frame.score, LEFT, frame.time.stop, 40)
    yield from bottom_axis(frame.time, BOTTOM)
    yield text(LEFT, BOTTOM + 40, "← faster", "tick")
    yield text(
        frame.time.stop, BOTTOM + 40, f"{frame.timing.value.capitalize()}, {unit.symbol}", "unit", "end"
    )


def _whisker(frame: Frame, standing: Standing, pick: str | None) -> Fragment:
    x, _ = frame.spot(standing)
    scale = frame.score
    low, high = (scale.place(min(max(end, scale.low), scale.high)) for end in (standing.low, standing.high))
    return line(x, high, x, low, "whisk thin on" if standing.operator == pick else "whisk thin")


def _front(frame: Frame, best: Sequence[Standing]) -> Fragment:
    """Steps: what is the best score in at most this time."""
    spots = [frame.spot(one) for one in best]
    corners = [(spots[0][0], BOTTOM)]
    for x, y in spots:
        corners += [(x, corners[-1][1]), (x, y)]
    return path([*corners, (frame.time.stop, corners[-1][1])], "front")


def _dot(frame: Frame, standing: Standing, best: bool, picked: bool) -> Fragment:
    x, y = frame.spot(standing)
    kind = " on" if picked else " front-dot" if best else " ctl" if standing.is_control else ""
    return element("circle", cx=x, cy=y, r=6.5 if picked else 4.8, class_="dot" + kind)


def _name(label: Label, picked: bool) -> Fragment:
    box, point = label.box, label.point
    kind = "lab on" if picked else "lab"
    name = text((box.left + box.right) / 2, box.bottom - 3, point.name, kind, "middle")
    if not label.leader:
        return name
    return join([line(point.x, point.y, *box.nearest(point.x, point.y), "lead"), name])
