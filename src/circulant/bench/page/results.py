"""What a folder of results holds: for each device its rows, and what they sum up to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from circulant.bench.models.networks import network_groups
from circulant.bench.row import Row
from circulant.bench.run import row_file, sampled_file
from circulant.bench.sampled import SampledRow, sampled_problems
from circulant.bench.sampled_summary import SampledSummary, summarise_sampled
from circulant.bench.summary import GroupSummary, summarise
from circulant.bench.throughput.entries import operator_groups
from circulant.bench.throughput.lengths import length_groups
from circulant.bench.workload import Group, groups

SAMPLED_ENDING = "-never-slower"
OPERATORS_ENDING = "-operators"
LENGTHS_ENDING = "-lengths"
MODELS_ENDING = "-models"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the rows of one summary share."""

    threads: int
    isa: str


@dataclass(frozen=True, slots=True)
class Run:
    """One device under one setting; groups without rows are left out."""

    setting: Setting
    rows: tuple[Row, ...]
    summaries: tuple[GroupSummary, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """name is that of the file; the first run has the most rows."""

    name: str
    runs: tuple[Run, ...]
    sampled: tuple[SampledSummary, ...]
    operators: tuple[Run, ...]
    lengths: tuple[Run, ...]
    models: tuple[Run, ...]


def read_devices(folder: Path) -> tuple[Device, ...]:
    endings = (SAMPLED_ENDING, OPERATORS_ENDING, LENGTHS_ENDING, MODELS_ENDING)
    files = sorted(path for path in folder.glob("*.csv") if not path.stem.endswith(endings))
    return tuple(_device(path) for path in files)


def _device(path: Path) -> Device:
    sampled = sampled_file(path.with_name(f"{path.stem}{SAMPLED_ENDING}.csv")).read()

    def runs(ending: str, known: Sequence[Group]) -> tuple[Run, ...]:
        return _runs(row_file(path.with_name(f"{path.stem}{ending}.csv")).read(), known)

    return Device(
        path.stem,
        runs("", groups()),
        _sampled(sampled),
        runs(OPERATORS_ENDING, operator_groups()),
        runs(LENGTHS_ENDING, length_groups()),
        runs(MODELS_ENDING, network_groups()),
    )


def _runs(rows: Sequence[Row], known: Sequence[Group]) -> tuple[Run, ...]:
    settings = Counter(Setting(row.threads, row.isa) for row in rows)
    return tuple(_run(one, rows, known) for one, _ in settings.most_common())


def _run(setting: Setting, rows: Sequence[Row], known: Sequence[Group]) -> Run:
    own = tuple(row for row in rows if Setting(row.threads, row.isa) == setting)
    measured = {row.group for row in own}
    known = [group for group in known if group.name in measured]
    return Run(setting, own, tuple(summarise(group, own, setting.threads, setting.isa) for group in known))


def _sampled(rows: Sequence[SampledRow]) -> tuple[SampledSummary, ...]:
    settings = dict.fromkeys((row.malloc, row.threads, row.isa) for row in rows)
    return tuple(summarise_sampled(rows, *setting, len(sampled_problems())) for setting in settings)
