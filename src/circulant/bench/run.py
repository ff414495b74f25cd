"""A run: one process that measures, under one setting of malloc, and a file that gets rows as they come."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circulant.bench.cells import record_of
from circulant.bench.child import findings
from circulant.bench.models.networks import NETWORKS
from circulant.bench.operations.table import find_operation
from circulant.bench.row import Row, block
from circulant.bench.sampled import SampledRow, sampled_key
from circulant.bench.settings import Settings
from circulant.bench.table_file import TableFile
from circulant.bench.workload import Group
from circulant.bench.workload import record_of as group_record
from circulant.core.sizes import Shape
from circulant.problems.problem import shape_text


@dataclass(frozen=True, slots=True)
class Task:
    group: Group
    shape: Shape


def row_file(path: Path) -> TableFile[Row]:
    return TableFile(path, Row, block)


def sampled_file(path: Path) -> TableFile[SampledRow]:
    return TableFile(path, SampledRow, sampled_key)


def can_run(group: Group) -> bool:
    """Whether its operation is known."""
    return find_operation(group.operation) is not None


def tasks_of(groups: Sequence[Group]) -> list[Task]:
    return [Task(group, shape) for group in groups if can_run(group) for shape in group.shapes]


def unmeasured(tasks: Sequence[Task], settings: Settings, isa: str, file: TableFile[Row]) -> list[Task]:
    """Tasks of which the file has no rows under these settings. isa: the set that our core will use."""
    known = {block(row) for row in file.read()}
    rest = settings.malloc, settings.threads, isa
    return [task for task in tasks if (task.group.name, shape_text(task.shape), *rest) not in known]


def unsampled(numbers: Sequence[int], settings: Settings, isa: str, file: TableFile[SampledRow]) -> list[int]:
    known = {sampled_key(row) for row in file.read()}
    return [number for number in numbers if (number, settings.malloc, settings.threads, isa) not in known]


def run_tasks(tasks: Sequence[Task], settings: Settings, file: TableFile[Row]) -> Iterator[list[Row]]:
    """The rows of each task, already in the file."""
    for together in _by_process(tasks):
        sent = [{"group": group_record(task.group), "shape": task.shape} for task in together]
        for found in findings(_job(settings, tasks=sent), settings):
            rows = [record_of(Row, cells) for cells in found["rows"]]
            file.replace(rows)
            yield rows


def _by_process(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """All in one, but networks each in one of its own: runtimes do not give back what they took for one."""
    small = [task for task in tasks if task.group.operation not in NETWORKS]
    if small:
        yield small
    yield from ([task] for task in tasks if task.group.operation in NETWORKS)


def run_sampled(
    numbers: Sequence[int], settings: Settings, file: TableFile[SampledRow]
) -> Iterator[SampledRow]:
    """The row of each sampled problem, already in the file."""
    if not numbers:
        return
    for found in findings(_job(settings, sampled=numbers), settings):
        row = record_of(SampledRow, found["sampled"])
        file.replace([row])
        yield row


def _job(
    settings: Settings, tasks: Sequence[Mapping[str, Any]] = (), sampled: Sequence[int] = ()
) -> dict[str, Any]:
    named = {
        "malloc": settings.malloc.value,
        "threads": settings.threads,
        "budget": settings.budget,
        "without": settings.without,
        "isa": settings.isa,
    }
    return {"settings": named, "tasks": tasks, "sampled": sampled}
