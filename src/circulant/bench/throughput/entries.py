"""Every entry there is, by the name of its operator, and the groups that time them."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from circulant.bench.throughput.entry import COLUMNS, Throughput
from circulant.bench.workload import Goal, Group, Passes
from circulant.catalogue import CATALOGUE

FACTOR = 2.0  # that an operator which the engine computes should win by
PASSES = (Passes.FORWARD, Passes.BOTH)


@cache
def entries() -> Mapping[str, Throughput]:
    """The file of an operator's entry has the name of the operator's own file."""
    found = {}
    for card in CATALOGUE:
        module = f"{__package__}.{card.module.rpartition('.')[2]}"
        if find_spec(module) is not None:
            found[card.name] = import_module(module).ENTRY
    return found


def operator_groups() -> tuple[Group, ...]:
    """One group for each operator and each kind of pass."""
    return tuple(_groups())


def _groups() -> Iterator[Group]:
    for name, entry in entries().items():
        columns = COLUMNS[len(entry.shapes[0]) - 2]
        goal = Goal(default=1.0, tuned=FACTOR if entry.lowered else 1.0)
        for passes in PASSES:
            yield Group(f"{name}, {passes.value}", name, columns, entry.shapes, passes, goal)
