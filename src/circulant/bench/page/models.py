"""The page about whole networks: what optimise makes of them beside compilers and inference runtimes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from circulant.bench.contestant import Role
from circulant.bench.models.networks import OVER_EAGER, OVER_OTHERS, WORST
from circulant.bench.page import sections
from circulant.bench.page.markdown import duration, table, times
from circulant.bench.page.results import Device, Run
from circulant.bench.row import Row, Status
from circulant.bench.settings import Malloc
from circulant.measuring.order_statistics import geometric_mean

HEADER = (
    "network", "batch", "malloc", "eager", "optimise", "faster than eager", "best of the others",
    "faster than it", "kept",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Duel:
    """One network on one shape: ours, eager torch as the network came, and the fastest of all others."""

    ours: Row
    eager: Row
    best: Row

    @property
    def over_eager(self) -> float:
        return self.eager.seconds / self.ours.seconds

    @property
    def over_best(self) -> float:
        return self.best.seconds / self.ours.seconds

    @property
    def place(self) -> str:
        return f"{self.ours.group}, batch {_batch(self.ours)}, {self.ours.malloc.value} malloc"

    def cells(self) -> tuple[str, ...]:
        """A line of the table, as in `HEADER`."""
        return (
            self.ours.group, _batch(self.ours), self.ours.malloc.value, duration(self.eager.seconds),
            duration(self.ours.seconds), times(self.over_eager), self.best.contestant, times(self.over_best),
            self.ours.note,
        )  # fmt: skip


def model_parts(devices: Sequence[Device]) -> Iterator[str]:
    for device in devices:
        for run in device.models[:1]:
            yield from _about(device.name, run)
    if not any(device.models for device in devices):
        yield "There are no figures yet."


def _about(name: str, run: Run) -> Iterator[str]:
    duels = list(_duels(run))
    yield f"## Results: {name}"
    yield sections.machine(run)
    yield "\n".join(f"- {line}" for kind in Malloc for line in _headlines(kind, duels))
    yield table(HEADER, [duel.cells() for duel in duels])
    yield "### Where others are faster"
    lost = [duel for duel in duels if duel.over_best < 1]
    yield "\n".join(f"- {one.place}: {_words(one)}" for one in lost) or "Nowhere."
    yield "### Every contestant"
    yield "Times of the others are multiples of ours, paired by rounds, with 95 % bounds."
    for summary in run.summaries:
        yield f"**{summary.group.name}**"
        yield sections.shapes(summary, run.rows)
    yield "### Who was not timed, and why"
    yield sections.not_timed(run)


def _words(duel: Duel) -> str:
    return f"{duel.best.contestant} takes {times(duel.over_best)} of our time"


def _batch(row: Row) -> str:
    return row.shape.partition("x")[0]


def _duels(run: Run) -> Iterator[Duel]:
    """Where ours and eager torch were measured, network by network."""
    for summary in run.summaries:
        own = [r for r in run.rows if r.group == summary.group.name and r.status is Status.MEASURED]
        for setting in dict.fromkeys((row.shape, row.malloc) for row in own):
            here = [row for row in own if (row.shape, row.malloc) == setting]
            ours = next((row for row in here if row.role is Role.OURS), None)
            eager = next((row for row in here if row.role is Role.TORCH), None)
            if ours is not None and eager is not None:
                others = [row for row in here if row.role in (Role.TORCH, Role.PEER)]
                yield Duel(ours, eager, min(others, key=lambda row: row.seconds))


def _headlines(kind: Malloc, duels: Sequence[Duel]) -> Iterator[str]:
    own = [duel for duel in duels if duel.ours.malloc is kind]
    if not own:
        return
    where = f"{kind.value} malloc, {len(own)} cases"
    for rival, goal, factors in (
        ("eager torch", OVER_EAGER, [duel.over_eager for duel in own]),
        ("the best of the others", OVER_OTHERS, [duel.over_best for duel in own]),
    ):
        mean = geometric_mean(factors)
        yield f"{where}: {times(mean)} as fast as {rival} in geometric mean, {_judged(mean, goal)}"
    least = min(duel.over_best for duel in own)
    yield f"{where}: at least {times(least)} as fast as the best of the others, {_judged(least, WORST)}"


def _judged(factor: float, goal: float) -> str:
    return f"goal {goal:g}×: {'met' if factor >= goal else 'missed'}"
