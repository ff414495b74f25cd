"""Bars of time: the ideal, the waterline above it, and what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from circulant.report.axis import text, top_axis
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.numbers import TIME, percent, show, unit_for
from circulant.report.scale import LinearScale
from circulant.report.text_width import text_width

ROW, BAR = 22.0, 13.0
PLOT, TOP, RIGHT = 380.0, 72.0, 150.0
FONT = 12.0
IDEAL, WAITING, REST = "#0a5c9e", "#8dbfe6", "#dfe3e8"


@final
@dataclass(frozen=True, slots=True)
class EfficiencyBar:
    """Seconds: all operations at the peak; at least, with the waits for memory; measured."""

    name: str
    ideal: float
    bound: float
    measured: float


def efficiency_bars(bars: Sequence[EfficiencyBar], description: str) -> Fragment:
    """One row for each bar, in their order, on one axis."""
    left = 12 + max(text_width(bar.name, FONT) for bar in bars)
    longest = max(max(bar.measured, bar.bound) for bar in bars)
    unit = unit_for([longest], TIME)
    scale = LinearScale(0.0, longest / unit.size, left, left + PLOT)
    height = TOP + ROW * len(bars) + 8
    parts = [*_legend(left, unit.symbol), *top_axis(scale, TOP - 4, height - 8)]
    for number, bar in enumerate(bars):
        parts += _row(bar, TOP + ROW * number, scale, unit.size)
    return drawing(left + PLOT + RIGHT, height, parts, description)


def _legend(left: float, unit: str) -> list[Fragment]:
    parts = []
    x = left
    for colour, words in (
        (IDEAL, "at the peak"),
        (WAITING, "waits for memory: waterline"),
        (REST, "measured"),
    ):
        parts.append(element("rect", x=x, y=8, width=11, height=11, fill=colour))
        parts.append(text(x + 16, 18, words, "tick"))
        x += 34 + text_width(words, FONT)
    parts.append(text(left, 40, f"{unit}; at the right: time, and efficiency", "unit"))
    return parts


def _row(bar: EfficiencyBar, top: float, scale: LinearScale, unit: float) -> list[Fragment]:
    y = top + (ROW - BAR) / 2
    parts = [text(scale.start - 7, y + BAR - 3, bar.name, "name", "end")]
    for seconds, colour in ((bar.measured, REST), (bar.bound, WAITING), (bar.ideal, IDEAL)):
        width = scale.place(seconds / unit) - scale.start
        parts.append(element("rect", x=scale.start, y=y, width=width, height=BAR, fill=colour))
    words = f"{show(bar.measured, TIME)}, {percent(bar.ideal / bar.measured)}"
    parts.append(text(scale.stop + 10, y + BAR - 3, words, "tick"))
    return parts
