"""Times everybody on one shape: first each result is judged, then the right ones take turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import nan

import torch

import circulant
from circulant.bench.case import Case
from circulant.bench.contention import cores_of_others, is_contended, load_average, snapshot
from circulant.bench.contestant import OURS, TORCH, Call, Contestant, Role
from circulant.bench.device import isa_in_use
from circulant.bench.operation import Operation
from circulant.bench.row import Row, Status
from circulant.bench.settings import Settings
from circulant.bench.verdict import FAILURES, failure_text, judge
from circulant.bench.way import plans_seen, told
from circulant.bench.workload import Group, Passes
from circulant.compare.machine import this_machine
from circulant.core.sizes import Shape
from circulant.engine.plan import Plan
from circulant.measuring.live_memory import peak_byte
from circulant.measuring.order_statistics import median_interval, quantile
from circulant.measuring.rounds import interleaved
from circulant.problems.problem import dtype_text, shape_text


@dataclass(frozen=True, slots=True)
class Attempt:
    """A contestant before the clock: its call, or why it has none. note of ours: how it computes."""

    contestant: Contestant
    status: Status
    note: str = ""
    error: float = nan
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Disturbance:
    others: float
    load: float


def measure(operation: Operation, group: Group, shape: Shape, settings: Settings) -> tuple[Row, ...]:
    """One row for each contestant, ours first."""
    case = operation.case(shape, group.passes, settings.threads)
    attempts = [attempt(contestant, case, settings.without) for contestant in operation.contestants]
    calls = {a.contestant.name: a.call for a in attempts if a.call is not None}
    load, before = load_average(), snapshot()
    times = interleaved(calls, settings.budget)
    disturbance = Disturbance(cores_of_others(before, snapshot()), load)
    name = next(c.name for c in operation.contestants if c.role is Role.OURS)
    return tuple(
        _row(group, case, one, times, times.get(name, ()), disturbance, settings) for one in attempts
    )


def attempt(contestant: Contestant, case: Case, without: Sequence[str] = ()) -> Attempt:
    reason = left_out(contestant, case, without)
    if reason:
        return Attempt(contestant, Status.LEFT_OUT, reason)
    try:
        call = contestant.prepare(case)
        with plans_seen() as plans:
            results = call()
    except FAILURES as error:
        return Attempt(contestant, Status.FAILED, failure_text(error))
    verdict = judge(results, case.expected)
    if verdict.fault:
        return Attempt(contestant, Status.WRONG, verdict.fault, verdict.error)
    return Attempt(contestant, Status.MEASURED, _way(contestant, case, plans), verdict.error, call)


def _peak(made: Attempt) -> float:
    if made.call is None or made.contestant.package not in (OURS, TORCH):
        return nan
    return float(peak_byte(made.call))


def _way(contestant: Contestant, case: Case, plans: Sequence[Plan]) -> str:
    """How ours computes; nothing about others."""
    if not contestant.is_ours:
        return ""
    return told(plans) if contestant.way is None else contestant.way(case)


def left_out(contestant: Contestant, case: Case, without: Sequence[str]) -> str:
    """Why this contestant does not take part; empty where it does."""
    if any(text.lower() in contestant.name.lower() for text in without):
        return "not wanted"
    if not contestant.package.is_installed:
        return f"{contestant.package.distribution} is not installed"
    if case.passes is Passes.BOTH and not contestant.has_backward:
        return "has no backward pass"
    return contestant.refuses(case.shape)


def _row(
    group: Group,
    case: Case,
    made: Attempt,
    times: Mapping[str, Sequence[float]],
    ours: Sequence[float],
    disturbance: Disturbance,
    settings: Settings,
) -> Row:
    contestant, machine = made.contestant, this_machine(settings.threads)
    seconds = times.get(contestant.name, ())
    low, median, high = (quantile(seconds, share) if seconds else nan for share in (0.25, 0.5, 0.75))
    ratios = [theirs / own for theirs, own in zip(seconds, ours)]
    paired = median_interval(ratios) if ratios else None
    spread = (high - low) / median if seconds else 0.0
    return Row(
        group.name, group.operation, group.passes, shape_text(case.shape), contestant.name, contestant.role,
        made.status, made.note, settings.malloc, settings.threads, isa_in_use(),
        dtype_text(case.operands[0].dtype), contestant.layout, median, low, high, len(seconds),
        paired.median if paired else nan, paired.low if paired else nan, paired.high if paired else nan,
        made.error, _peak(made), disturbance.others, disturbance.load,
        is_contended(disturbance.others, spread),
        contestant.package.distribution, contestant.package.version, circulant.__version__,
        torch.__version__, machine.processor, datetime.now(UTC).date().isoformat(),
    )  # fmt: skip
