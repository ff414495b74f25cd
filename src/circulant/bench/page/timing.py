"""A picture for each operator of the throughput run: its time beside that of plain code."""

from collections.abc import Iterator, Mapping, Sequence

from circulant.bench.contestant import Role
from circulant.bench.page.results import Run
from circulant.bench.row import Row, Status
from circulant.report.axis import text, top_axis
from circulant.report.fragment import Fragment, drawing, element, standalone
from circulant.report.numbers import TIME, show
from circulant.report.scale import LogScale, Scale

WIDTH, LABELS, TOP, STEP = 720.0, 250.0, 54.0, 26.0
OURS, OTHER = "#0a5c9e", "#8c959f"


def timing_pictures(run: Run) -> Mapping[str, str]:
    """SVG files' texts by the operator's name."""
    measured = [row for row in run.rows if row.status is Status.MEASURED]
    operators = dict.fromkeys(row.operation for row in measured)
    return {name: _picture([row for row in measured if row.operation == name]) for name in operators}


def _picture(rows: Sequence[Row]) -> str:
    lines: dict[str, list[Row]] = {}
    for row in rows:
        passes = row.group.removeprefix(f"{row.operation}, ")
        lines.setdefault(f"{passes}, {row.shape.replace('x', ' × ')}", []).append(row)
    seconds = [row.seconds for row in rows]
    scale = LogScale(min(seconds) / 1.2, max(seconds) * 1.2, LABELS, WIDTH - 30)
    bottom = TOP + STEP * len(lines)
    parts = [
        element("rect", x=0, y=0, width=WIDTH, height=bottom + 8, fill="#ffffff"),
        *_key(),
        *top_axis(scale, TOP - 8, bottom, 60),
    ]
    for index, (words, those) in enumerate(lines.items()):
        parts += _line(words, those, TOP + STEP * (index + 0.5), scale)
    return standalone(drawing(WIDTH, bottom + 8, parts, _description(lines)))


def _key() -> Iterator[Fragment]:
    for x, colour, words in ((LABELS, OURS, "circulant"), (LABELS + 90, OTHER, "plain PyTorch")):
        yield element("circle", cx=x + 6, cy=14, r=5, fill=colour)
        yield text(x + 17, 18, words, "tick")
    yield text(WIDTH - 30, 18, "seconds, less is better", "unit", "end")


def _line(words: str, rows: Sequence[Row], y: float, scale: Scale) -> Iterator[Fragment]:
    yield text(LABELS - 10, y + 4, words, "", "end")
    for row in sorted(rows, key=lambda row: row.role is Role.OURS):  # ours on top
        colour = OURS if row.role is Role.OURS else OTHER
        yield element("circle", cx=scale.place(row.seconds), cy=y, r=5, fill=colour)


def _description(lines: Mapping[str, Sequence[Row]]) -> str:
    said = (
        f"{words}: {', '.join(f'{row.contestant} {show(row.seconds, TIME)}' for row in rows)}"
        for words, rows in lines.items()
    )
    return f"Time of a call. {'; '.join(said)}"
