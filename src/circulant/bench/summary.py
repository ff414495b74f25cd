"""What the rows say about each group: how many times faster ours is, beside what was to be reached."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from circulant.bench.contestant import Role
from circulant.bench.row import Row, Status
from circulant.bench.settings import Malloc
from circulant.bench.workload import Group
from circulant.measuring.order_statistics import geometric_mean
from circulant.problems.problem import shape_text


class Outcome(Enum):
    MET = "met"
    MISSED = "missed"
    INCOMPLETE = "incomplete"  # not every shape was measured
    NO_GOAL = "no goal"


@dataclass(frozen=True, slots=True)
class Race:
    """Ours against the fastest of some contestants on one shape; seconds are medians."""

    shape: str
    ours: float
    rival: float
    rival_name: str

    @property
    def times_faster(self) -> float:
        return self.rival / self.ours


@dataclass(frozen=True, slots=True)
class Finding:
    """All races of a group under one setting of malloc, against one kind of rival."""

    against: str
    malloc: Malloc
    races: tuple[Race, ...]
    shapes: int  # of the group, raced or not
    goal: float | None

    @property
    def factor(self) -> float:
        """Geometric mean over the races; not a number without any."""
        return geometric_mean([race.times_faster for race in self.races]) if self.races else float("nan")

    @property
    def outcome(self) -> Outcome:
        if self.goal is None:
            return Outcome.NO_GOAL
        if len(self.races) < self.shapes:
            return Outcome.INCOMPLETE
        return Outcome.MET if self.factor >= self.goal else Outcome.MISSED

    def __str__(self) -> str:
        """Plain words: 7.10 times as fast as ..., goal 8: missed by 11 %."""
        if not self.races:
            return f"not measured against {self.against} ({self.malloc.value} malloc)"
        text = f"{self.factor:.3g} times as fast as {self.against} ({self.malloc.value} malloc)"
        if self.goal is None:
            return text
        return f"{text}, goal {self.goal:g}: {self._verdict}"

    @property
    def _verdict(self) -> str:
        assert self.goal is not None
        if self.outcome is Outcome.INCOMPLETE:
            return f"{len(self.races)} of {self.shapes} shapes measured"
        if self.outcome is Outcome.MISSED:
            return f"missed by {max(round((1 - self.factor / self.goal) * 100), 1)} %"
        return "met"


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """ways: how ours computes, with the shapes where it does so.

    faults: results of ours that are wrong or missing; such shapes are not raced.
    not_timed: other contestants, with the reason.
    """

    group: Group
    findings: tuple[Finding, ...]
    ways: tuple[str, ...]
    faults: tuple[str, ...]
    not_timed: tuple[str, ...]
    is_contended: bool


def summarise(group: Group, rows: Sequence[Row], threads: int, isa: str) -> GroupSummary:
    """rows of any groups and settings; those of this group, number of threads and instruction set count."""
    own = [row for row in rows if (row.group, row.threads, row.isa) == (group.name, threads, isa)]
    torch, peers = (Role.TORCH,), (Role.TORCH, Role.PEER)
    goal = group.goal
    findings = [
        _finding(group, own, "plain torch", Malloc.DEFAULT, torch, goal.default),
        _finding(group, own, "the best peer", Malloc.TUNED, peers, goal.tuned),
    ]
    if goal.naive is not None:
        findings = [_finding(group, own, "the plain sum", Malloc.TUNED, torch, goal.naive)]
    missing = [row for row in own if row.status is not Status.MEASURED]
    faults = [f"{row.shape}, {row.malloc.value} malloc: {_why(row)}" for row in missing if _is_ours(row)]
    others = dict.fromkeys(f"{row.contestant}: {_why(row)}" for row in missing if not _is_ours(row))
    contended = any(row.contended for row in own)
    return GroupSummary(group, tuple(findings), _ways(own), tuple(faults), tuple(others), contended)


def _ways(rows: Sequence[Row]) -> tuple[str, ...]:
    shapes: dict[str, dict[str, None]] = {}
    for row in rows:
        if _is_ours(row) and row.status is Status.MEASURED and row.note:
            shapes.setdefault(row.note, {})[row.shape] = None
    return tuple(f"{way} ({', '.join(found)})" for way, found in shapes.items())


def _is_ours(row: Row) -> bool:
    return row.role is Role.OURS


def _why(row: Row) -> str:
    return f"{row.status.value}, {row.note}"


def _finding(
    group: Group,
    rows: Sequence[Row],
    against: str,
    malloc: Malloc,
    roles: Collection[Role],
    goal: float | None,
) -> Finding:
    races = [_race(shape_text(shape), rows, malloc, roles) for shape in group.shapes]
    known = tuple(race for race in races if race is not None)
    return Finding(against, malloc, known, len(group.shapes), goal)


def _race(shape: str, rows: Sequence[Row], malloc: Malloc, roles: Collection[Role]) -> Race | None:
    """None where ours or every rival is missing."""
    timed = [r for r in rows if (r.shape, r.malloc, r.status) == (shape, malloc, Status.MEASURED)]
    ours = next((row for row in timed if row.role is Role.OURS), None)
    rivals = [row for row in timed if row.role in roles]
    if ours is None or not rivals:
        return None
    best = min(rivals, key=lambda row: row.seconds)
    return Race(shape, ours.seconds, best.seconds, best.contestant)
