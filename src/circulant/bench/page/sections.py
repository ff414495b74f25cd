"""The parts of the page about one device."""

from collections.abc import Sequence
from math import isnan

from circulant.bench.contestant import Role
from circulant.bench.page.markdown import duration, table, times
from circulant.bench.page.results import Device, Run
from circulant.bench.row import Row, Status
from circulant.bench.settings import Malloc
from circulant.bench.summary import Finding, GroupSummary, Outcome

FFT_CODE = "torch.fft code"


def machine(run: Run) -> str:
    """One line about what was measured, where and when."""
    one = run.rows[0]
    dates = sorted({row.date for row in run.rows})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    disturbed = sum(row.contended for row in run.rows if row.status is Status.MEASURED)
    measured = sum(row.status is Status.MEASURED for row in run.rows)
    return (
        f"{one.processor}, {run.setting.threads} threads, instruction set {run.setting.isa}, "
        f"torch {one.torch}, circulant {one.circulant}, {one.dtype}, {when}. "
        f"{disturbed} of {measured} timings were disturbed: others used the machine, or times spread widely."
    )


def verdict(run: Run) -> str:
    """The goals in one sentence, then those missed, each with how far."""
    findings = [(summary, finding) for summary in run.summaries for finding in summary.findings]
    judged = [pair for pair in findings if pair[1].outcome in (Outcome.MET, Outcome.MISSED)]
    missed = [pair for pair in judged if pair[1].outcome is Outcome.MISSED]
    open_ = sum(finding.outcome is Outcome.INCOMPLETE for _, finding in findings)
    said = f"{len(judged) - len(missed)} of {len(judged)} goals are met"
    said += f", {open_} cannot be judged yet" if open_ else ""
    lines = [f"- {summary.group.name}: {finding}" for summary, finding in missed]
    return "\n".join([said + (". Missed:" if missed else "."), *([""] if missed else []), *lines])


def goals(run: Run) -> str:
    lines = []
    for summary in run.summaries:
        for finding in summary.findings:
            goal = "" if finding.goal is None else f"{finding.goal:g}×"
            outcome = "" if finding.outcome is Outcome.NO_GOAL else finding.outcome.value
            rival = f"{finding.against}, {finding.malloc.value} malloc"
            lines.append((summary.group.name, rival, times(finding.factor), goal, outcome))
    return table(("group", "against", "circulant is faster by", "goal", "outcome"), lines)


def losses(run: Run) -> str:
    """Where the fastest of the others beats us, whatever the goals say."""
    lines = []
    for summary in run.summaries:
        for finding in summary.findings:
            for race in finding.races:
                if race.times_faster < 1:
                    place = f"{summary.group.name}, {race.shape} ({finding.malloc.value} malloc)"
                    lines.append(f"- {place}: {race.rival_name} takes {times(race.times_faster)} of our time")
    return "\n".join(dict.fromkeys(lines)) or "Nowhere among these shapes."


def shapes(summary: GroupSummary, rows: Sequence[Row]) -> str:
    """Each shape of a group: our median, how it was reached, everybody's time as a multiple with bounds."""
    own = [row for row in rows if row.group == summary.group.name and row.status is Status.MEASURED]
    names = list(dict.fromkeys(row.contestant for row in own if row.role is not Role.OURS))
    lines = []
    for setting in dict.fromkeys((row.shape, row.malloc) for row in own):
        here = {row.contestant: row for row in own if (row.shape, row.malloc) == setting}
        ours = next((row for row in here.values() if row.role is Role.OURS), None)
        first = (duration(ours.seconds), ours.note) if ours else ("–", "–")
        cells = [_ratio(here[name]) if name in here else "–" for name in names]
        lines.append((setting[0], setting[1].value, *first, *cells))
    return table((" × ".join(summary.group.columns), "malloc", "circulant", "by", *names), lines)


def _ratio(row: Row) -> str:
    if isnan(row.ratio):
        return duration(row.seconds)
    return f"{times(row.ratio)} ({times(row.ratio_low)} to {times(row.ratio_high)})"


def accuracy(run: Run) -> str:
    """Ours beside torch's own transforms; one setting of malloc, for results do not depend on it."""
    lines = []
    kind = Malloc.DEFAULT if any(row.malloc is Malloc.DEFAULT for row in run.rows) else Malloc.TUNED
    known = {(r.group, r.shape, r.contestant): r for r in run.rows if r.malloc is kind and not isnan(r.error)}
    for row in known.values():
        theirs = known.get((row.group, row.shape, FFT_CODE))
        if row.role is Role.OURS and theirs is not None:
            relation = "no" if row.error <= theirs.error else "yes"
            lines.append((row.group, row.shape, f"{row.error:.2g}", f"{theirs.error:.2g}", relation))
    if not lines:
        return f"On no shape were both circulant and {FFT_CODE} measured."
    larger = sum(line[-1] == "yes" for line in lines)
    said = f"The error of circulant is larger than that of {FFT_CODE} on {larger} of {len(lines)} shapes."
    return f"{said}\n\n{table(('group', 'shape', 'circulant', FFT_CODE, 'larger'), lines)}"


def not_timed(run: Run) -> str:
    notes = [
        f"- {summary.group.name}: {note}"
        for summary in run.summaries
        for note in (*summary.faults, *summary.not_timed)
    ]
    return "\n".join(notes) or "Everybody took part everywhere."


def kept(device: Device) -> str:
    """What is left of each factor where our core may use a lower instruction set only."""
    full = device.runs[0]
    lines = []
    for run in device.runs[1:]:
        if run.setting.threads != full.setting.threads:
            continue
        known = {summary.group.name: summary.findings for summary in full.summaries}
        for summary in run.summaries:
            for low, high in zip(summary.findings, known.get(summary.group.name, ())):
                if not isnan(low.factor):
                    lines.append(_kept(run, summary, low, high))
    header = ("group", "instruction set", "against", "factor", f"with {full.setting.isa}", "kept")
    return table(header, lines) if lines else ""


def _kept(run: Run, summary: GroupSummary, low: Finding, high: Finding) -> tuple[str, ...]:
    rival = f"{low.against}, {low.malloc.value} malloc"
    share = low.factor / high.factor
    text = "–" if isnan(share) else f"{share * 100:.0f} %"
    return summary.group.name, run.setting.isa, rival, times(low.factor), times(high.factor), text


def never_slower(device: Device) -> str:
    parts = []
    for summary in device.sampled:
        one = summary.rows[0]
        parts.append(f"{one.malloc.value} malloc, {one.threads} threads, {one.isa}:\n")
        parts.append("\n".join(f"- {line}" for line in summary.lines()) + "\n")
    return "\n".join(parts).rstrip() or "Not measured yet."
