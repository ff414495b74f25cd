"""Several curves over named steps, each in the band of its confidence interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from circulant.report.axis import left_axis, line, text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.scale import LinearScale
from circulant.report.text_width import shortened, text_width

LEFT, RIGHT, TOP, HEIGHT, STEP = 62.0, 14.0, 34.0, 190.0, 44.0
NAME = 12.0  # size of letters
LEGEND = 45.0  # for the line of a curve in the legend, and what lies around it
ROOM = 92.0  # for names below the steps, slanted
COLOURS = ("#0a5c9e", "#a8480a", "#2c7a3f", "#6b4ba1")
DASHES = (None, "7 3", "2 3", "9 3 2 3")


@final
@dataclass(frozen=True, slots=True)
class IntervalCurve:
    """Values by step, each between its low and its high; nan leaves a gap."""

    label: str
    values: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def interval_curves(
    steps: Sequence[str], curves: Sequence[IntervalCurve], across: str, upright: str, description: str
) -> Fragment:
    """Up to four curves over the steps in order; the upright axis from 0, or from the lowest value, to 1."""
    named = sum(LEGEND + text_width(curve.label, NAME) for curve in curves)
    width = LEFT + RIGHT + max(STEP * len(steps), named)
    bottom = TOP + HEIGHT
    lowest = min((value for curve in curves for value in curve.low if value == value), default=0.0)
    y = LinearScale(min(0.0, lowest), 1.0, bottom, TOP)
    x = [LEFT + (width - LEFT - RIGHT) * (i + 0.5) / max(len(steps), 1) for i in range(len(steps))]
    parts = [*left_axis(y, LEFT, width - RIGHT), line(LEFT, bottom, width - RIGHT, bottom, "axis")]
    for place, name in zip(x, steps, strict=True):
        parts.append(_slanted(shortened(name, NAME, ROOM), place, bottom + 14))
    parts.append(text((LEFT + width - RIGHT) / 2, bottom + ROOM, across, "tick", "middle"))
    middle = TOP + HEIGHT / 2
    parts.append(_turned(upright, 16, middle, -90, "middle"))
    start = LEFT
    for curve, colour, dash in zip(curves, COLOURS, DASHES, strict=False):
        parts += _curve(curve, x, y, colour, dash)
        parts.append(_stroke(f"M{start:.1f} 14h22", colour, dash))
        parts.append(text(start + 27, 18, curve.label, "tick"))
        start += LEGEND + text_width(curve.label, NAME)
    return drawing(width, bottom + ROOM + 10, parts, description)


def _curve(
    curve: IntervalCurve, x: Sequence[float], y: LinearScale, colour: str, dash: str | None
) -> list[Fragment]:
    parts = []
    known = [i for i, value in enumerate(curve.values) if value == value]
    for run in _runs(known):
        upper = [f"{x[i]:.1f} {y.place(min(curve.high[i], 1.0)):.1f}" for i in run]
        lower = [f"{x[i]:.1f} {y.place(curve.low[i]):.1f}" for i in reversed(run)]
        band = "M" + "L".join(upper + lower) + "Z"
        parts.append(element("path", d=band, fill=colour, fill_opacity="0.15"))
        spots = [f"{x[i]:.1f} {y.place(curve.values[i]):.1f}" for i in run]
        parts.append(_stroke("M" + "L".join(spots), colour, dash))
        parts += [element("circle", cx=x[i], cy=y.place(curve.values[i]), r=2.5, fill=colour) for i in run]
    return parts


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Neighbouring places together."""
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _stroke(d: str, colour: str, dash: str | None) -> Fragment:
    return element("path", d=d, stroke=colour, stroke_width="2", fill="none", stroke_dasharray=dash)


def _slanted(words: str, x: float, y: float) -> Fragment:
    return _turned(words, x + 4, y, -40, "end")


def _turned(words: str, x: float, y: float, degrees: float, anchor: str) -> Fragment:
    return element(
        "text",
        words,
        x=x,
        y=y,
        class_="tick",
        text_anchor=anchor,
        transform=f"rotate({degrees:g} {x:.1f} {y:.1f})",
    )
