"""Named values as bars from zero, one row each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from circulant.report.axis import text, top_axis
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.numbers import significant
from circulant.report.scale import LinearScale
from circulant.report.text_width import text_width

WIDTH, ROW, BAR, TOP, RIGHT, FONT = 334.0, 20.0, 11.0, 46.0, 50.0, 12.0


@final
@dataclass(frozen=True, slots=True)
class ShareBar:
    """value 0 or more."""

    name: str
    value: float


def share_bars(bars: Sequence[ShareBar], axis: str, description: str) -> Fragment:
    """axis says what the values are, with their unit."""
    left = 12 + max(text_width(bar.name, FONT) for bar in bars)
    most = max(bar.value for bar in bars) or 1.0
    scale = LinearScale(0.0, most, left, WIDTH - RIGHT)
    bottom = TOP + ROW * len(bars)
    parts = [text(left, 14, axis, "unit"), *top_axis(scale, TOP - 4, bottom)]
    for number, bar in enumerate(bars):
        y = TOP + ROW * number + (ROW - BAR) / 2
        length = scale.place(bar.value) - left
        parts += [
            text(left - 7, y + BAR - 2, bar.name, "tick", "end"),
            element("rect", x=left, y=y, width=length, height=BAR, class_="bar"),
            text(left + length + 6, y + BAR - 2, significant(bar.value), "tick"),
        ]
    return drawing(WIDTH, bottom + 6, parts, description)
