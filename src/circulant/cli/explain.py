"""`circulant explain`: what a network is and does, on one page."""

from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from torch import Tensor, nn

from circulant.cli import parse
from circulant.cli.model_argument import MODEL_HELP, read_model
from circulant.cli.model_input import Asked, Given, read_input
from circulant.cli.output import JsonOption, print_json
from circulant.cli.progress import Steps
from circulant.data.installed import require
from circulant.explain import About, Explanation
from circulant.explain import explain as make_explanation
from circulant.explain.overview.explanation import Parts

PATIENCE_SECONDS = 2.0  # what is done sooner needs no words

Model = Annotated[
    str,
    typer.Argument(help=MODEL_HELP),
]
Image = Annotated[Path | None, typer.Option(help="A picture, scaled and cut to the size of --input.")]
Audio = Annotated[Path | None, typer.Option(help="A .wav file, cut or padded to the length of --input.")]
Series = Annotated[Path | None, typer.Option(help="A file .ts or .csv of series; its first test examples.")]
Data = Annotated[str | None, typer.Option(help="A bundled set, such as mnist5k; its first test examples.")]
Input = Annotated[
    str | None,
    typer.Option("--input", help="Sizes of the input; without an example, of noise.", metavar="BxCxHxW"),
]
Against = Annotated[str | None, typer.Option(help="A second model to compare with, named as MODEL is.")]
Out = Annotated[Path, typer.Option(help="Folder for index.html.")]


def explain(
    model: Model,
    image: Image = None,
    audio: Audio = None,
    series: Series = None,
    data: Data = None,
    input: Input = None,
    against: Against = None,
    out: Out = Path("explanation"),
    as_json: JsonOption = False,
) -> None:
    """Say what a network's filters are, what it sees, what it does to frequencies, and where its time goes.

    The figures go onto one page that needs no network; what does not apply says why. Pictures are read as
    numbers from 0 to 1: a model that wants other ones has to change them itself.

    Example: circulant explain net.py:network --image cat.png --input 1x3x224x224
    """
    for package in ("jinja2", "rich"):
        require(package, "compare")
    shape = None if input is None else parse.shape(input, "--input")
    given = read_input(Asked(image, audio, series, data, shape))
    network = read_model(model)
    other = None if against is None else read_model(against)
    about = About(model, against or "", given.source, given.classes, given.labels, given.is_noise)
    with Steps(len(fields(Parts)), PATIENCE_SECONDS) as steps:
        found = make_explanation(network, _for(network, given), against=other, about=about, watch=steps.begin)
    _tell(found, found.write(out), as_json)


def _for(network: nn.Module, given: Given) -> Tensor:
    """Real numbers in the dtype, and all on the device, of the model's first real number."""
    x = given.x
    like = next((t for t in chain(network.parameters(), network.buffers()) if t.is_floating_point()), x)
    return x.to(like.device, like.dtype) if x.is_floating_point() else x.to(like.device)


def _tell(found: Explanation, page: Path, as_json: bool) -> None:
    if as_json:
        print_json({**found.json(), "page": str(page.resolve())})
        return
    for sentence in found.summary():
        typer.echo(sentence)
    typer.echo(f"Page: {page.resolve()}")
