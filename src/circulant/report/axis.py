"""Axes of a plot: grid lines, ticks and their labels."""

from collections.abc import Iterator

from circulant.report.fragment import Fragment, element
from circulant.report.scale import Scale


def text(x: float, y: float, words: str, class_: str, anchor: str = "start") -> Fragment:
    return element("text", words, x=x, y=y, class_=class_, text_anchor=None if anchor == "start" else anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Fragment:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: list[tuple[float, float]], class_: str) -> Fragment:
    return element("path", d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), class_=class_)


def left_axis(scale: Scale, left: float, right: float, apart: float = 24) -> Iterator[Fragment]:
    """Horizontal grid lines with labels to the left of them."""
    for tick in scale.ticks(apart):
        y = scale.place(tick.value)
        yield line(left, y, right, y, "grid")
        yield text(left - 7, y + 4, tick.label, "tick", "end")


def bottom_axis(scale: Scale, y: float, apart: float = 34) -> Iterator[Fragment]:
    """A base line with short ticks and labels below it."""
    yield line(scale.start, y, scale.stop, y, "axis")
    for tick in scale.ticks(apart):
        x = scale.place(tick.value)
        yield line(x, y, x, y + 5, "axis")
        yield text(x, y + 18, tick.label, "tick", "middle")


def top_axis(scale: Scale, y: float, bottom: float, apart: float = 34) -> Iterator[Fragment]:
    """Vertical grid lines with labels above them."""
    for tick in scale.ticks(apart):
        x = scale.place(tick.value)
        yield line(x, y, x, bottom, "grid")
        yield text(x, y - 7, tick.label, "tick", "middle")
