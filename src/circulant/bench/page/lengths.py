"""Time against length: a picture with both axes logarithmic, and the slope of each line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log

from circulant.bench.contestant import Role
from circulant.bench.page.markdown import duration, table
from circulant.bench.page.results import Run
from circulant.bench.row import Row, Status
from circulant.bench.settings import Malloc
from circulant.bench.throughput.lengths import CHANNELS, LENGTHS, SUFFIX
from circulant.report.axis import bottom_axis, left_axis, line, path, text
from circulant.report.fragment import Fragment, drawing, element, standalone
from circulant.report.scale import LogScale

WIDTH, HEIGHT, LEFT, TOP = 900.0, 560.0, 84.0, 20.0
APART = 14.0  # lines of text
STEEP_FROM = 16_384  # samples; below, the overhead of a call counts


@dataclass(frozen=True, slots=True)
class Growth:
    """Seconds of one operator by length; missing where it failed, with the reason."""

    name: str
    seconds: dict[int, float]
    faults: tuple[str, ...]

    @property
    def slope(self) -> float:
        """Of log time over log length, by least squares: 1 is linear."""
        spots = [(log(n), log(s)) for n, s in self.seconds.items() if n >= STEEP_FROM]
        if len(spots) < 2:
            return float("nan")
        x_mean = sum(x for x, _ in spots) / len(spots)
        y_mean = sum(y for _, y in spots) / len(spots)
        spread = sum((x - x_mean) ** 2 for x, _ in spots)
        return sum((x - x_mean) * (y - y_mean) for x, y in spots) / spread


def growths(run: Run) -> tuple[Growth, ...]:
    """Default malloc, in the order of the catalogue."""
    return tuple(_growth(summary.group.name, run.rows) for summary in run.summaries)


def _growth(group: str, rows: Sequence[Row]) -> Growth:
    own = [r for r in rows if (r.group, r.malloc, r.role) == (group, Malloc.DEFAULT, Role.OURS)]
    timed = {int(r.shape.split("x")[-1]): r.seconds for r in own if r.status is Status.MEASURED}
    faults = tuple(f"{r.shape}: {r.status.value}, {r.note}" for r in own if r.status is not Status.MEASURED)
    return Growth(group.removesuffix(SUFFIX), timed, faults)


def length_parts(run: Run, picture: str) -> Iterator[str]:
    yield "### Time against length"
    yield (
        f"Batch 1, {CHANNELS} channels, forward, default malloc; both axes of the picture are logarithmic. "
        f"The slope is taken from {STEEP_FROM:,} samples on: 1 is linear, n log n is about 1.1."
    )
    yield f"![Time against length for each operator](images/{picture})"
    found = growths(run)
    lines = [
        (one.name, *(duration(one.seconds[n]) if n in one.seconds else "–" for n in LENGTHS),
         f"{one.slope:.2f}")
        for one in sorted(found, key=lambda one: one.seconds.get(LENGTHS[-1], float("inf")))
    ]  # fmt: skip
    yield table(("operator", *(f"{n:,}" for n in LENGTHS), "slope"), lines)
    if faults := [f"- {one.name}, {fault}" for one in found for fault in one.faults]:
        yield "\n".join(faults)


def length_picture(run: Run) -> str:
    """An SVG file's text: one line for each operator, named at its end."""
    found = [one for one in growths(run) if one.seconds]
    times = [seconds for one in found for seconds in one.seconds.values()]
    height = max(HEIGHT, TOP + 44 + len(found) * int(APART))  # room for every name
    x = LogScale(LENGTHS[0], LENGTHS[-1], LEFT, WIDTH - 220)
    y = LogScale(min(times) / 1.3, max(times) * 1.3, height - 44, TOP)
    parts = [element("rect", x=0, y=0, width=WIDTH, height=height, fill="#ffffff")]
    parts += [*left_axis(y, LEFT, WIDTH - 220), *bottom_axis(x, height - 44)]
    parts.append(text((LEFT + WIDTH - 220) / 2, height - 8, "samples", "unit", "middle"))
    parts.append(text(LEFT, TOP - 6, "seconds", "unit", "end"))
    for one in found:
        parts.append(path([(x.place(n), y.place(s)) for n, s in one.seconds.items()], "curve"))
    parts += _names(found, y, height - 44)
    words = "; ".join(f"{one.name}: slope {one.slope:.2f}" for one in found)
    return standalone(drawing(WIDTH, height, parts, f"Time against length. {words}"))


def _names(found: Sequence[Growth], y: LogScale, lowest: float) -> Iterator[Fragment]:
    """Beside the ends of the lines, moved apart where they would lie on each other."""
    ends = sorted(found, key=lambda one: -one.seconds[max(one.seconds)])
    places: list[float] = []
    for one in ends:
        least = places[-1] + APART if places else 0.0
        places.append(max(least, y.place(one.seconds[max(one.seconds)])))
    overflow = max(places, default=0.0) - lowest
    for index in reversed(range(len(places))):  # pushed back up from the lower edge
        limit = places[index + 1] - APART if index + 1 < len(places) else places[index] - max(overflow, 0.0)
        places[index] = min(places[index], limit)
    for one, place in zip(ends, places):
        end = max(one.seconds)
        yield line(WIDTH - 220, y.place(one.seconds[end]), WIDTH - 206, place, "grid")
        yield text(WIDTH - 202, place + 4, one.name, "tick")
