"""One small panel of learning curves per operator, all on the same axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from circulant.compare.findings.learning import Curve, Learning
from circulant.compare.metric import Metric
from circulant.report.axis import line, path, text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.scale import ACCURACIES, ErrorScale, LinearScale, LogScale

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 212.0, 148.0, 30.0, 10.0, 122.0

SMALLEST_ERROR = 1e-6  # that is told from none at all


@final
@dataclass(frozen=True, slots=True)
class Axes:
    place: LinearScale
    score: ErrorScale | LinearScale | LogScale

    def points(self, curve: Curve) -> list[tuple[float, float]]:
        spots = zip(curve.place.tolist(), curve.score.tolist(), strict=True)
        low, high = self.score.low, self.score.high
        return [(self.place.place(x), self.score.place(min(max(y, low), high))) for x, y in spots]


def learning_axes(curves: Sequence[Learning], examples: int) -> Axes:
    """Axes that hold every curve; the smallest error in accuracy drawn is half a test example."""
    every = [curve for one in curves for curve in (one.mean, *one.seeds)]
    first, last = min(c.place.min() for c in every), max(c.place.max() for c in every)
    if last - first < 1e-9:
        first, last = last - 1, last + 1
    low, high = (float(end) for end in (min(c.score.min() for c in every), max(c.score.max() for c in every)))
    metric = curves[0].metric
    scale = (
        _error_scale(low, high, metric) if metric.lower_is_better else _accuracy_scale(low, high, examples)
    )
    return Axes(LinearScale(float(first), float(last), LEFT + 4, WIDTH - 8), scale)


def _accuracy_scale(low: float, high: float, examples: int) -> ErrorScale:
    smallest = min(0.5 / examples, 0.01)
    high = min(high, 1 - smallest)
    high = min((round_ for round_ in ACCURACIES if round_ >= high), default=high)
    return ErrorScale(min(low, high - 0.01), high, BOTTOM - 4, TOP + 4, smallest)


def _error_scale(low: float, high: float, metric: Metric) -> LinearScale | LogScale:
    """Round ends, so that there are ticks, and six decades at most."""
    if not metric.logarithmic:
        margin = max(0.05 * (high - low), metric.round_to / 2)
        return LinearScale(low - margin, high + margin, BOTTOM - 4, TOP + 4, metric.times)
    high = max(high, SMALLEST_ERROR)
    low = max(low, 1e-6 * high)
    rounds = [digit * 10.0**power for power in range(-14, 8) for digit in (1, 1.5, 2, 3, 5, 7)]
    low = max(value for value in rounds if value <= low)
    high = min(value for value in rounds if value > high)
    return LogScale(low, high, BOTTOM - 4, TOP + 4, 1 / metric.times)


def learning_panel(one: Learning, others: Sequence[Learning], axes: Axes) -> Fragment:
    parts = []
    for tick in axes.score.ticks(17):
        y = axes.score.place(tick.value)
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
    said = ", ".join(map(one.metric.rough, one.mean.score.tolist()))
    return drawing(WIDTH, HEIGHT, parts, f"Mean {one.metric.name} at each evaluation: {said}", "panel")
