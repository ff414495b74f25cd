"""`circulant compare`: which operator to take for the user's data."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from circulant.catalogue import operator_names
from circulant.cli.compare_progress import ComparisonProgress
from circulant.cli.output import JsonOption, print_json
from circulant.compare.experiment import experiment_for
from circulant.compare.metric import METRICS
from circulant.compare.outline import outline
from circulant.compare.page import write_report
from circulant.compare.process_runner import Processes
from circulant.compare.ray_runner import RayCluster
from circulant.compare.records import CONTROL, Budget, BudgetUnit, Comparison, Settings
from circulant.compare.rooms import expanded, room, rooms
from circulant.compare.run import run_comparison
from circulant.compare.runner import Runner, Serial
from circulant.compare.store import Store
from circulant.core.errors import ArgumentError
from circulant.data.dataset import Dataset
from circulant.data.installed import require
from circulant.data.load import load
from circulant.data.task import Task

# one of each kind of operator, and layers of PyTorch to measure them by; by task and number of axes
DEFAULT_OPERATORS = {
    (
        Task.CLASSIFICATION,
        1,
    ): "Conv,SelfAttention,LongConv1d,SGConv,LinearAttention1d,AdaptiveSpectralFilter1d,Dcls1d,"
    "FourierMixing1d",
    (
        Task.CLASSIFICATION,
        2,
    ): "Conv,SelfAttention,LongConv1d,AdaptiveSpectralFilter1d,InceptionDWConv2d,LargeKernelAttention2d,"
    "NeighborhoodAttention2d,ParameterizedHypercomplexConv2d",
    (Task.NEXT_CHARACTER, 1): "Conv,DepthwiseConv,SelfAttention,LongConv1d,SGConv,LinearAttention1d",
    (Task.FIELD, 1): "Conv,SelfAttention,AdaptiveSpectralFilter1d,LongConv1d,FourierMixing1d,Dcls1d",
    (Task.FIELD, 2): "Conv,SelfAttention,AdaptiveSpectralFilter1d,InceptionDWConv2d,LargeKernelAttention2d,"
    "ParameterizedHypercomplexConv2d",
}
SPLIT_SEED = 0  # of data without a split of their own; all trials share one split

DataOption = Annotated[
    str, typer.Option(help="mnist5k or another bundled set, a folder of pictures, .npz, .csv, .ts or .txt.")
]
OperatorsOption = Annotated[
    str | None,
    typer.Option(help="Names or rooms from `circulant list`, or Conv, DepthwiseConv, SelfAttention."),
]
BudgetOption = Annotated[str, typer.Option(help="Training of each trial: 2e for epochs, 60s for seconds.")]
SeedsOption = Annotated[int, typer.Option(min=1, help="Trials of each operator.")]
JobsOption = Annotated[int, typer.Option(min=1, help="Trials at once, each in a process of its own.")]
RayOption = Annotated[str | None, typer.Option(help="Address of a Ray cluster, or local.")]
SizeOption = Annotated[int | None, typer.Option(help="Side in pixels to which pictures are cut.")]
LabelOption = Annotated[str | None, typer.Option(help="Column of a .csv file that holds the class.")]
OutOption = Annotated[Path, typer.Option(help="Folder for index.html and comparison.sqlite.")]
TitleOption = Annotated[str | None, typer.Option(help="Name of the run in the report.")]


def compare(
    data: DataOption = "mnist5k",
    operators: OperatorsOption = None,
    budget: BudgetOption = "2e",
    seeds: SeedsOption = 3,
    jobs: JobsOption = 1,
    ray: RayOption = None,
    size: SizeOption = None,
    label: LabelOption = None,
    out: OutOption = Path("report"),
    title: TitleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train and profile operators side by side on your data, and write a report that says which to take.

    The same command again goes on where it was stopped.

    Example: circulant compare --data photos/ --size 64 --budget 60s --operators Conv,InceptionDWConv2d

    Text: circulant compare --data novel.txt --budget 60s --operators Conv,SelfAttention,sequence
    """
    for package in ("jinja2", "scipy", "rich"):  # before hours of training, not after
        require(package, "compare")
    runner = _runner(jobs, ray)
    allowed = parse_budget(budget)
    dataset = load(data, size, label, SPLIT_SEED)
    names = _chosen(operators or DEFAULT_OPERATORS[dataset.task, len(dataset.spatial)], dataset)
    command = _command(data, names, budget, seeds, size, label, title)
    settings = Settings(title or dataset.name, names, tuple(range(seeds)), allowed, command)
    report, store = out / "index.html", Store(out / "comparison.sqlite")
    try:
        with ComparisonProgress(METRICS[dataset.task]) as progress:
            comparison = run_comparison(
                experiment_for(dataset, allowed), settings, store, runner, progress.watch()
            )
    except KeyboardInterrupt:
        typer.echo(
            f"\ninterrupted; finished trials are in {store.path}, run the same command to go on", err=True
        )
        raise typer.Exit(130) from None
    papers = {name: card.papers for name, (card, _) in operator_names().items()}
    write_report(comparison, report, papers)
    _tell(comparison, report, as_json)


def _tell(comparison: Comparison, report: Path, as_json: bool) -> None:
    for failure in comparison.failures:
        typer.echo(f"failed: {failure.operator}, seed {failure.seed}: {failure.message}", err=True)
    summary = outline(comparison, report)
    if as_json:
        print_json(summary)
    else:
        typer.echo(f"{summary['headline']}\nReport: {report.resolve()}")
    if all(trial.operator == CONTROL for trial in comparison.trials):
        raise typer.Exit(1)


def parse_budget(text: str) -> Budget:
    """ "2e" -> two epochs, "60s" -> sixty seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([es])", text.strip())
    if match is None or float(match[1]) == 0:
        raise ArgumentError(
            f"expected a budget in epochs or seconds, got {text!r}; write for example 2e or 60s"
        )
    return Budget(float(match[1]), BudgetUnit(match[2]))


def parse_operators(text: str) -> tuple[str, ...]:
    """Names split by commas; each is checked when the comparison begins."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        came = f"{', '.join(twice)} twice" if twice else "none"
        raise ArgumentError(f"expected operators, each once, got {came}; see `circulant list`")
    return names


def _chosen(text: str, dataset: Dataset) -> tuple[str, ...]:
    """Operators by name; of a room those that fit the data, and a line that says how many do not."""
    names = parse_operators(text)
    found = [room(name, dataset) for name in names if name in rooms()]
    for one in found:
        every = len(one.fitting) + len(one.others)
        typer.echo(f"{one.name}: {len(one.fitting)} of {every} operators take these data", err=True)
    return expanded(names, found)


def _runner(jobs: int, ray: str | None) -> Runner:
    if ray is not None and jobs > 1:
        raise ArgumentError(
            f"expected --jobs or --ray, got both {jobs} and {ray!r}; the cluster decides how many run at once"
        )
    if ray is not None:
        return RayCluster(ray)
    return Serial() if jobs == 1 else Processes(jobs)


def _command(
    data: str,
    names: Sequence[str],
    budget: str,
    seeds: int,
    size: int | None,
    label: str | None,
    title: str | None,
) -> str:
    """What to type for the same result; how the trials were spread over machines has no part in it."""
    options = {
        "--data": data,
        "--operators": ",".join(names),
        "--budget": budget,
        "--seeds": seeds,
        "--size": size,
        "--label": label,
        "--title": title,
    }
    given = [str(part) for option, value in options.items() if value is not None for part in (option, value)]
    return shlex.join(["circulant", "compare", *given])
