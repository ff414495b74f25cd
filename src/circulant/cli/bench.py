"""`circulant bench`: the engine beside what a user would write instead, on this machine."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from circulant.bench.child import MeasuringError
from circulant.bench.device import device_name, isa_in_use
from circulant.bench.models.networks import network_groups
from circulant.bench.page.results import LENGTHS_ENDING, MODELS_ENDING, OPERATORS_ENDING
from circulant.bench.row import Row
from circulant.bench.run import (
    row_file,
    run_sampled,
    run_tasks,
    sampled_file,
    tasks_of,
    unmeasured,
    unsampled,
)
from circulant.bench.sampled import SampledRow, sampled_problems
from circulant.bench.sampled_summary import SampledSummary, summarise_sampled
from circulant.bench.settings import Malloc, Settings
from circulant.bench.summary import GroupSummary, summarise
from circulant.bench.table_file import TableFile
from circulant.bench.throughput.entries import operator_groups
from circulant.bench.throughput.lengths import length_groups
from circulant.bench.workload import Group, chosen, groups, read_groups
from circulant.cli.bench_output import tell_groups, tell_sampled, tell_summaries
from circulant.cli.commands import ExitCode
from circulant.cli.output import JsonOption
from circulant.cli.progress import shown
from circulant.core.errors import ArgumentError, DataError, UnknownNameError

RESULTS = Path("benchmarks/results")
RUNS = {  # with a file of their own
    "--operators": (OPERATORS_ENDING, operator_groups),
    "--lengths": (LENGTHS_ENDING, length_groups),
    "--models": (MODELS_ENDING, network_groups),
}

Texts = Annotated[
    list[str] | None,
    typer.Argument(metavar="[GROUP]...", help="Only groups whose name or operation holds one of these."),
]
List = Annotated[bool, typer.Option("--list", help="Only say which groups there are.")]
Budget = Annotated[float, typer.Option(min=0.0, help="Seconds for each shape; slow calls take more.")]
Mallocs = Annotated[
    list[str] | None, typer.Option("--malloc", help="default or tuned; may be repeated, both if not given.")
]
Threads = Annotated[int, typer.Option(min=1, help="Threads of everybody.")]
Isa = Annotated[str, typer.Option(help="Highest instruction set of our core: baseline, avx2 or avx512.")]
Without = Annotated[
    list[str] | None, typer.Option(help="Leave out contestants whose name holds this; may be repeated.")
]
Workloads = Annotated[Path | None, typer.Option(help="Groups of your own, a file like workloads.toml.")]
Out = Annotated[Path | None, typer.Option(help="The CSV file instead of benchmarks/results/<device>.csv.")]
Resume = Annotated[bool, typer.Option("--resume", help="Leave out what the file holds already.")]
Operators = Annotated[
    bool, typer.Option("--operators", help="Time operators of the catalogue beside plain code for them.")
]
Lengths = Annotated[
    bool, typer.Option("--lengths", help="Time sequence operators on 4,096 to a million samples.")
]
Models = Annotated[
    bool, typer.Option("--models", help="Time whole networks: optimise beside compilers and runtimes.")
]
NeverSlower = Annotated[
    bool, typer.Option("--never-slower", help="Time 300 sampled convolutions against torch's best layout.")
]


def bench(
    group: Texts = None,
    only_list: List = False,
    budget: Budget = 10.0,
    malloc: Mallocs = None,
    threads: Threads = 2,
    isa: Isa = "",
    without: Without = None,
    workloads: Workloads = None,
    out: Out = None,
    resume: Resume = False,
    operators: Operators = False,
    lengths: Lengths = False,
    models: Models = False,
    never_slower: NeverSlower = False,
    as_json: JsonOption = False,
) -> None:
    """Time the engine beside torch and other packages; a wrong result is reported and never timed.

    Each setting of malloc has a process of its own, in which all take turns; with --models each shape has.
    Finished shapes are in the results file, also after Ctrl-C.

    Example: circulant bench "long convolution" --budget 20 --without compile
    """
    known, ending = _known(workloads, operators, lengths, models, never_slower)
    wanted = chosen(known, group or ())
    if only_list:
        tell_groups(wanted, as_json)
        return
    used = isa_in_use(isa)
    left = tuple(without or ())
    settings = [Settings(kind, threads, budget, left, isa) for kind in _mallocs(malloc, never_slower)]
    device = device_name(threads)
    try:
        if never_slower:
            sampled = sampled_file(out or RESULTS / f"{device}-never-slower.csv")
            tell_sampled(_run_sampled(settings, used, sampled, resume), sampled.path, as_json)
        else:
            file = row_file(out or RESULTS / f"{device}{ending}.csv")
            tell_summaries(_run_groups(wanted, settings, used, file, resume), file.path, as_json)
    except KeyboardInterrupt:
        typer.echo("\ninterrupted; what was finished is in the results file, --resume goes on", err=True)
        raise typer.Exit(130) from None
    except MeasuringError as error:
        typer.echo(f"circulant: {error}", err=True)
        raise typer.Exit(ExitCode.FAILED) from error


def _known(
    workloads: Path | None, operators: bool, lengths: bool, models: bool, never_slower: bool
) -> tuple[tuple[Group, ...], str]:
    """The groups of the run, and the ending of its file's name.

    Two options that each name what is timed are a mistake.
    """
    named = {
        "--workloads": workloads is not None,
        "--operators": operators,
        "--lengths": lengths,
        "--models": models,
        "--never-slower": never_slower,
    }
    given = [name for name, is_given in named.items() if is_given]
    if len(given) > 1:
        raise ArgumentError(
            f"expected one of {', '.join(named)}, got {' and '.join(given)}; run them in turn"
        )
    for name in given:
        if name in RUNS:
            ending, known = RUNS[name]
            return known(), ending
    return groups() if workloads is None else _read(workloads), ""


def _read(path: Path) -> tuple[Group, ...]:
    try:
        return read_groups(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"expected a file of groups such as src/circulant/bench/workloads.toml, got {path} "
            f"({type(error).__name__}: {error}); correct it or leave --workloads out"
        ) from error


def _mallocs(texts: Sequence[str] | None, never_slower: bool) -> list[Malloc]:
    """Both for groups; users' own for the sampled run."""
    known = {kind.value: kind for kind in Malloc}
    for text in texts or ():
        if text not in known:
            raise UnknownNameError("setting of malloc", text, known)
    if texts:
        return [known[text] for text in dict.fromkeys(texts)]
    return [Malloc.DEFAULT] if never_slower else list(Malloc)


def _run_groups(
    wanted: Sequence[Group], settings: Sequence[Settings], isa: str, file: TableFile[Row], resume: bool
) -> list[GroupSummary]:
    file.read()  # a damaged file is refused before the hours, not after
    every = tasks_of(wanted)
    plans = [(one, unmeasured(every, one, isa, file) if resume else every) for one in settings]

    def named() -> Iterator[tuple[str, list[Row]]]:
        for one, tasks in plans:
            for rows in run_tasks(tasks, one, file):
                yield f"{rows[0].group}, {rows[0].shape}, {one.malloc.value} malloc", rows

    for _ in shown(named(), sum(len(tasks) for _, tasks in plans)):
        pass
    rows = file.read()
    return [summarise(one, rows, settings[0].threads, isa) for one in wanted]


def _run_sampled(
    settings: Sequence[Settings], isa: str, file: TableFile[SampledRow], resume: bool
) -> list[SampledSummary]:
    file.read()
    every = range(len(sampled_problems()))
    plans = [(one, unsampled(every, one, isa, file) if resume else list(every)) for one in settings]

    def named() -> Iterator[tuple[str, SampledRow]]:
        for one, numbers in plans:
            for row in run_sampled(numbers, one, file):
                yield f"{row.problem}, {one.malloc.value} malloc", row

    for _ in shown(named(), sum(len(numbers) for _, numbers in plans)):
        pass
    rows = file.read()
    return [summarise_sampled(rows, one.malloc, one.threads, isa, len(every)) for one in settings]
