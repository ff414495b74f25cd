"""Places for the names of points in a plot, so that no name covers a point or another name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin
from random import Random
from typing import final

from circulant.report.text_width import text_width

GAP = 8.0  # from a point to its own label
RINGS = (GAP, 16.0, 26.0, 38.0, 52.0, 68.0, 88.0)
CLEAR = 3.0  # from the points of others, so that it stays plain whose name it is
ORDERS = 24  # random orders that are tried; the shortest sum of leaders wins


@final
@dataclass(frozen=True, slots=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, other: "Box") -> bool:
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """The place in the box that is closest to (x, y)."""
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)


@final
@dataclass(frozen=True, slots=True)
class Point:
    """A dot with its name. radius in pixels."""

    name: str
    x: float
    y: float
    radius: float = 5.0
    first: bool = False  # gets a place before all others

    def box(self, room: float = 0.0) -> Box:
        reach = self.radius + room
        return Box(self.x - reach, self.y - reach, self.x + reach, self.y + reach)


@final
@dataclass(frozen=True, slots=True)
class Label:
    """Where a name goes; leader is true where it stands so far off that a line must lead to its point."""

    point: Point
    box: Box
    leader: bool


def _places(point: Point, width: float, height: float) -> Iterator[tuple[float, Label]]:
    """Candidate places with their cost, best first: beside, above, below, then further away."""
    for ring, distance in enumerate(RINGS):
        turns = 8 if ring < 2 else 16
        for turn in range(turns):
            angle = 2 * pi * turn / turns
            x = point.x + distance * cos(angle) + (cos(angle) - 1) / 2 * width
            y = point.y + distance * sin(angle) - height / 2 + sin(angle) * height / 2
            box = Box(x, y, x + width, y + height)
            near = box.nearest(point.x, point.y)
            off = hypot(near[0] - point.x, near[1] - point.y)
            beside = 0.0 if turn == 0 else 1.0 + (turn % (turns // 4) != 0)
            yield off + beside, Label(point, box, off > GAP + 6)


def _crossing(label: Label, taken: Sequence[Label]) -> bool:
    """Whether the leader of one runs through the text of another."""
    return any(
        _leader_hits(one, other.box)
        for one, other in [(label, t) for t in taken] + [(t, label) for t in taken]
    )


def _leader_hits(label: Label, box: Box) -> bool:
    if not label.leader:
        return False
    x, y = label.box.nearest(label.point.x, label.point.y)
    steps = 12
    for step in range(1, steps):
        at_x = label.point.x + (x - label.point.x) * step / steps
        at_y = label.point.y + (y - label.point.y) * step / steps
        if box.left <= at_x <= box.right and box.top <= at_y <= box.bottom:
            return True
    return False


def _one_order(
    points: Sequence[Point], order: Sequence[int], frame: Box, size: float
) -> tuple[float, list[Label]]:
    taken: list[Label] = []
    total = 0.0
    for index in order:
        point = points[index]
        dots = [other.box(0 if other is point else CLEAR) for other in points]
        for cost, label in _places(point, text_width(point.name, size), size * 1.15):
            free = label.box.within(frame) and not any(label.box.overlaps(dot) for dot in dots)
            if free and not any(label.box.overlaps(t.box) for t in taken) and not _crossing(label, taken):
                taken.append(label)
                total += cost
                break
        else:
            total += 1000.0
    return total, taken


def place_labels(points: Sequence[Point], frame: Box, size: float) -> tuple[Label, ...]:
    """A place for each name, at that font size in pixels; the same for the same points.

    A name for which the frame has no room left is missing from the result.
    """
    random = Random(7)
    order = sorted(range(len(points)), key=lambda index: (not points[index].first, points[index].y))
    best = _one_order(points, order, frame, size)
    for _ in range(ORDERS):
        random.shuffle(order)
        order.sort(key=lambda index: not points[index].first)
        best = min(best, _one_order(points, order, frame, size), key=lambda found: found[0])
    return tuple(best[1])
