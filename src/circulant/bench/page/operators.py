"""The page about operators: each beside the plain code that a user would write for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

from circulant.bench.contestant import Role
from circulant.bench.page import sections
from circulant.bench.page.lengths import length_parts
from circulant.bench.page.markdown import table, times
from circulant.bench.page.results import Device, Run
from circulant.bench.row import Row, Status
from circulant.bench.summary import Finding, GroupSummary
from circulant.bench.throughput.entries import PASSES, entries
from circulant.measuring.order_statistics import geometric_mean

KINDS = {True: "the engine computes", False: "matrix products or attention compute"}


@dataclass(frozen=True, slots=True)
class Memory:
    """Ours over the least that a rival held, on one shape."""

    place: str
    share: float


def lengths_file(device: str) -> str:
    """The name of the picture."""
    return f"lengths-{device}.svg"


def operator_parts(devices: Sequence[Device]) -> Iterator[str]:
    for device in devices:
        for run in device.operators[:1]:
            yield from _about(device.name, run)
        for run in device.lengths[:1]:
            yield from length_parts(run, lengths_file(device.name))
    if not any(device.operators or device.lengths for device in devices):
        yield "There are no figures yet."


def _about(name: str, run: Run) -> Iterator[str]:
    yield f"## Results: {name}"
    yield sections.machine(run)
    yield "\n".join(f"- {line}" for line in _headlines(run))
    yield _table(run)
    yield "### Where plain code is faster"
    yield sections.losses(run)
    yield "### Where plain code takes less memory"
    yield _heavier(run)
    yield "### Every shape"
    yield "Times of the others are multiples of ours, paired by rounds, with 95 % bounds."
    for summary in run.summaries:
        yield f"**{summary.group.name}**"
        yield sections.shapes(summary, run.rows)
    yield "### Who was not timed, and why"
    yield sections.not_timed(run)


def _headlines(run: Run) -> Iterator[str]:
    for passes in PASSES:
        own = [summary for summary in run.summaries if summary.group.passes is passes]
        for lowered, words in (
            (True, "the engine computes"),
            (False, "matrix products or attention compute"),
        ):
            part = [one for one in own if entries()[one.group.operation].lowered is lowered]
            for findings in zip(*(one.findings for one in part)):
                yield f"{passes.value}, operators that {words} ({len(part)}): {_mean(findings)}"


def _mean(findings: Sequence[Finding]) -> str:
    known = [finding.factor for finding in findings if not isnan(finding.factor)]
    against = f"{findings[0].against} ({findings[0].malloc.value} malloc)"
    if not known:
        return f"not measured against {against}"
    return f"{times(geometric_mean(known))} as fast as {against} in geometric mean"


def _table(run: Run) -> str:
    lines = []
    for summary in run.summaries:
        shares = [one.share for one in _memories(summary, run.rows)]
        memory = times(geometric_mean(shares)) if shares else "–"
        lines.append((summary.group.name, *(times(one.factor) for one in summary.findings), memory))
    header = ("operator", "faster than plain, default malloc", "than the best, tuned malloc", "memory")
    return table(header, lines)


def _memories(summary: GroupSummary, rows: Sequence[Row]) -> Iterator[Memory]:
    own = [row for row in rows if row.group == summary.group.name and row.status is Status.MEASURED]
    for shape in dict.fromkeys(row.shape for row in own):
        here = [row for row in own if row.shape == shape and row.peak_byte > 0]
        ours = [row.peak_byte for row in here if row.role is Role.OURS]
        plain = [row.peak_byte for row in here if row.role is Role.TORCH]
        if ours and plain:
            yield Memory(f"{summary.group.name}, {shape}", min(ours) / min(plain))


def _heavier(run: Run) -> str:
    found = [memory for summary in run.summaries for memory in _memories(summary, run.rows)]
    lines = [f"- {one.place}: ours takes {times(one.share)}" for one in found if one.share > 1.0]
    return "\n".join(lines) or "Nowhere among these shapes."
