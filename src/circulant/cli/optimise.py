"""`circulant optimise`: a model that computes the same, faster or smaller, with the proof."""

from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from circulant.cli import parse
from circulant.cli.model_argument import MODEL_HELP, read_model
from circulant.cli.output import JsonOption, print_json
from circulant.cli.progress import shown
from circulant.core.errors import ArgumentError, UnknownNameError
from circulant.data.load import load
from circulant.data.task import Task
from circulant.optimise.archive import Saved
from circulant.optimise.goals import Goals, Objective
from circulant.optimise.measure_rewrite import Labelled
from circulant.optimise.passes import PASSES
from circulant.optimise.pipeline import Optimiser
from circulant.optimise.result import Result

APPROXIMATE = ", ".join(each.name for each in PASSES if not each.is_exact)
WHOLE = {"int64": torch.int64, "int32": torch.int32, "uint8": torch.uint8, "bool": torch.bool}
SPLIT_SEED = 0

ModelArgument = Annotated[
    str,
    typer.Argument(help=MODEL_HELP, metavar="MODEL"),
]
InputOption = Annotated[
    list[str] | None,
    typer.Option("--input", help="Shape of an input: 1x3x224x224, 1x128:int64, mask=1x128; repeat for more."),
]
AllowOption = Annotated[
    list[str] | None,
    typer.Option("--allow", help=f"An approximate pass to try; may be repeated: {APPROXIMATE}."),
]
TrainOption = Annotated[
    bool,
    typer.Option(
        "--train", help="The model is trained on: gradients have to be the same, and count in the time."
    ),
]
GoalOption = Annotated[str, typer.Option(help="time or size.")]
DataOption = Annotated[
    str | None,
    typer.Option(help="Labelled data for accuracy: mnist5k or another set, a folder, .npz, .csv, .ts."),
]
SizeOption = Annotated[int | None, typer.Option(help="Side in pixels to which pictures of --data are cut.")]
LabelOption = Annotated[str | None, typer.Option(help="Column of a .csv file that holds the class.")]
LossOption = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Accuracy that an approximate pass may cost.")
]
BudgetOption = Annotated[float, typer.Option(min=0.001, help="Seconds for each measurement.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder for the model and the table.")]


def optimise(
    model: ModelArgument,
    input: InputOption = None,
    allow: AllowOption = None,
    train: TrainOption = False,
    goal: GoalOption = "time",
    data: DataOption = None,
    size: SizeOption = None,
    label: LabelOption = None,
    accuracy_loss: LossOption = 0.01,
    budget: BudgetOption = 2.0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rewrite a model pass by pass; keep what is proven equal and measured to help, and show both.

    After Ctrl-C what was kept so far is shown and saved.

    Example: circulant optimise net.py:model --input 1x3x224x224 --out faster
    """
    if out is not None and out.exists() and not out.is_dir():
        raise ArgumentError(f"expected --out to be a folder, got the file {out}; name another")
    goals = Goals(_objective(goal), train, frozenset(allow or ()), accuracy_loss, budget)
    labelled, samples = _labelled(data, size, label)
    torch.manual_seed(0)
    given = _given(input, samples)
    optimiser = Optimiser(read_model(model), given, goals=goals, data=labelled, samples=samples)
    was_interrupted = False
    try:
        for _ in shown(((report.name, report) for report in optimiser.steps()), len(optimiser)):
            pass
    except KeyboardInterrupt:
        was_interrupted = True
        typer.echo("\ninterrupted; the passes so far count", err=True)
    _finish(optimiser.result(), out, as_json)
    if was_interrupted:
        raise typer.Exit(130)


def example_input(text: str) -> Tensor:
    """ "1x3x8x8" -> normal random numbers; "1x128:int64" -> zeros and ones, which any vocabulary has."""
    shape, _, dtype = text.partition(":")
    sizes = parse.shape(shape, "--input")
    if not dtype or dtype in parse.DTYPES:
        return torch.randn(sizes, dtype=parse.dtype(dtype or "float32"))
    if dtype not in WHOLE:
        raise UnknownNameError("dtype", dtype, {**parse.DTYPES, **WHOLE})
    return torch.randint(0, 2, sizes).to(WHOLE[dtype])


def _given(texts: list[str] | None, samples: Tensor | None) -> tuple[Tensor, ...] | dict[str, Tensor]:
    """What the options say, by name if they have names, else the first sample."""
    if not texts and samples is None:
        raise ArgumentError("expected the shape of an input, got none; add for example --input 1x3x224x224")
    parts = [text.rpartition("=") for text in texts or ()]
    names = [name for name, _, _ in parts]
    if any(names):
        if not all(names):
            raise ArgumentError(
                f"expected a name for each input or for none, got {' '.join(texts or ())}; "
                "write for example --input tokens=1x128:int64"
            )
        return {name: example_input(text) for name, _, text in parts}
    drawn = tuple(example_input(text) for _, _, text in parts)
    return drawn if samples is None or drawn else (samples[:1],)


def _objective(text: str) -> Objective:
    known = {each.value: each for each in Objective}
    if text not in known:
        raise UnknownNameError("goal", text, known)
    return known[text]


def _labelled(data: str | None, size: int | None, label: str | None) -> tuple[Labelled | None, Tensor | None]:
    """The test part for accuracy, and inputs of the training part to fit to."""
    if data is None:
        return None, None
    dataset = load(data, size, label, SPLIT_SEED)
    if dataset.task is not Task.CLASSIFICATION:
        raise ArgumentError(f"expected data with a class for each example, got {data}; leave --data out")
    test = Labelled(torch.from_numpy(dataset.test.x), torch.from_numpy(dataset.test.y))
    return test, torch.from_numpy(dataset.train.x)


def _finish(result: Result, out: Path | None, as_json: bool) -> None:
    """The table is shown even where the model cannot be saved."""
    saved = None
    try:
        saved = None if out is None else result.save(out)
    finally:
        _tell(result, saved, as_json)


def _tell(result: Result, saved: Saved | None, as_json: bool) -> None:
    if as_json:
        print_json({**result.fields(), "saved": None if saved is None else str(saved.path)})
    else:
        typer.echo(result.table())
    if saved is not None:
        if saved.reason:
            typer.echo(f"only weights were saved: torch.export refuses the model: {saved.reason}", err=True)
        typer.echo(f"Saved: {saved.path.resolve()}", err=as_json)
