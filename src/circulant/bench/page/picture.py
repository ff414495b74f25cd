"""One picture for each run: how many times faster ours is, group by group, with the goals."""

from collections.abc import Iterator, Sequence
from math import isnan

from circulant.bench.page.results import Run
from circulant.bench.summary import Finding, GroupSummary
from circulant.report.axis import line, text, top_axis
from circulant.report.fragment import Fragment, drawing, element, standalone
from circulant.report.scale import LogScale, Scale
from circulant.report.text_width import shortened

WIDTH, LABELS, TOP, STEP, BAR = 900.0, 380.0, 74.0, 34.0, 9.0
COLOURS = ("#0a5c9e", "#a8480a")  # the first and the second rival
SMALLEST, LARGEST = 0.5, 20.0  # the axis reaches at least so far


def picture(run: Run) -> str:
    """An SVG file's text."""
    factors = [f for s in run.summaries for f in _values(s) if not isnan(f)]
    low, high = min([SMALLEST, *factors]), max([LARGEST, *factors]) * 1.1
    scale = LogScale(low, high, LABELS, WIDTH - 20)
    bottom = TOP + STEP * len(run.summaries)
    parts = [
        element("rect", x=0, y=0, width=WIDTH, height=bottom + 16, fill="#ffffff"),
        *_key(),
        *top_axis(scale, TOP - 8, bottom, 40),
        element("line", x1=scale.place(1), y1=TOP - 8, x2=scale.place(1), y2=bottom, stroke="#1b1f23"),
    ]
    for index, summary in enumerate(run.summaries):
        parts += _row(summary, TOP + STEP * index, scale)
    return standalone(drawing(WIDTH, bottom + 16, parts, _description(run.summaries)))


def _values(summary: GroupSummary) -> list[float]:
    goals = [finding.goal for finding in summary.findings if finding.goal is not None]
    return [*(finding.factor for finding in summary.findings), *goals]


def _key() -> Iterator[Fragment]:
    yield text(LABELS, 16, "times as fast as ...", "unit")
    for index, words in enumerate(("plain torch, default malloc", "the best peer, tuned malloc")):
        x = LABELS + 190 * index
        yield element("rect", x=x, y=26, width=14, height=BAR, fill=COLOURS[index])
        yield text(x + 20, 35, words, "tick")
    yield line(LABELS + 390, 24, LABELS + 390, 38, "axis")
    yield text(LABELS + 396, 35, "goal", "tick")


def _row(summary: GroupSummary, y: float, scale: Scale) -> Iterator[Fragment]:
    yield text(LABELS - 10, y + 18, shortened(summary.group.name, 12, LABELS - 14), "", "end")
    for index, finding in enumerate(summary.findings):
        yield from _bar(finding, y + 5 + (BAR + 3) * index, scale, COLOURS[index])


def _bar(finding: Finding, y: float, scale: Scale, colour: str) -> Iterator[Fragment]:
    if not isnan(finding.factor):
        ends = sorted((scale.place(1), scale.place(finding.factor)))
        yield element("rect", x=ends[0], y=y, width=max(ends[1] - ends[0], 1), height=BAR, fill=colour)
    if finding.goal is not None:
        x = scale.place(finding.goal)
        yield element("line", x1=x, y1=y - 2, x2=x, y2=y + BAR + 2, stroke="#1b1f23", stroke_width=2)


def _description(summaries: Sequence[GroupSummary]) -> str:
    spots = [f"{s.group.name}: {'; '.join(map(str, s.findings))}" for s in summaries]
    return f"How many times faster circulant is, by group. {'. '.join(spots)}"
