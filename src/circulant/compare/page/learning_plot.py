"""One small panel of learning curves per operator, all on the same axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from circulant.compare.findings.learning import Curve, Learning
from circulant.report.axis import line, path, text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.numbers import percent
from circulant.report.scale import ACCURACIES, ErrorScale, LinearScale

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 212.0, 148.0, 30.0, 10.0, 122.0


@final
@dataclass(frozen=True, slots=True)
class Axes:
    place: LinearScale
    accuracy: ErrorScale

    def points(self, curve: Curve) -> list[tuple[float, float]]:
        spots = zip(curve.place.tolist(), curve.accuracy.tolist(), strict=True)
        return [(self.place.place(x), self.accuracy.place(min(y, self.accuracy.high))) for x, y in spots]


def learning_axes(curves: Sequence[Learning], examples: int) -> Axes:
    """Axes that hold every curve; the smallest error drawn is half a test example."""
    every = [curve for one in curves for curve in (one.mean, *one.seeds)]
    first, last = min(c.place.min() for c in every), max(c.place.max() for c in every)
    if last - first < 1e-9:
        first, last = last - 1, last + 1
    smallest = min(0.5 / examples, 0.01)
    low = min(float(c.accuracy.min()) for c in every)
    high = min(max(float(c.accuracy.max()) for c in every), 1 - smallest)
    high = min((round_ for round_ in ACCURACIES if round_ >= high), default=high)
    low = min(low, high - 0.01)
    return Axes(
        LinearScale(float(first), float(last), LEFT + 4, WIDTH - 8),
        ErrorScale(low, high, BOTTOM - 4, TOP + 4, smallest),
    )


def learning_panel(one: Learning, others: Sequence[Learning], axes: Axes) -> Fragment:
    parts = []
    for tick in axes.accuracy.ticks(17):
        y = axes.accuracy.place(tick.value)
        parts += [line(LEFT, y, WIDTH - 4, y, "grid"), text(LEFT - 5, y + 4, tick.label, "tick", "end")]
    parts.append(line(LEFT, BOTTOM, WIDTH - 4, BOTTOM, "axis"))
    for tick in axes.place.ticks(24):
        parts.append(text(axes.place.place(tick.value), BOTTOM + 16, tick.label, "tick", "middle"))
    parts += [path(axes.points(other.mean), "ghost") for other in others if other is not one]
    if len(one.seeds) > 1:
        parts += [path(axes.points(seed), "curve thin") for seed in one.seeds]
    spots = axes.points(one.mean)
    parts.append(path(spots, "curve"))
    parts.append(element("circle", cx=spots[-1][0], cy=spots[-1][1], r=3.4, class_="dot on"))
    said = ", ".join(percent(value, 0) for value in one.mean.accuracy.tolist())
    return drawing(WIDTH, HEIGHT, parts, f"Mean accuracy at each evaluation: {said}", "panel")
