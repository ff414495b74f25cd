"""The application: every command under its name."""

from typing import Annotated

import typer

from circulant import __version__
from circulant.cli.bench import bench
from circulant.cli.calibrate import calibrate
from circulant.cli.cite import cite
from circulant.cli.commands import Commands
from circulant.cli.compare import compare
from circulant.cli.doctor import doctor
from circulant.cli.explain import explain
from circulant.cli.list import list_operators
from circulant.cli.optimise import optimise
from circulant.cli.papers import papers
from circulant.cli.plan import plan

app = typer.Typer(
    cls=Commands,
    help="Convolution, complete: compare operators on your data, explain networks, plan each convolution.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"circulant {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What every command shares."""


app.command("compare")(compare)
app.command("explain")(explain)
app.command("list")(list_operators)
app.command("optimise")(optimise)
app.command("plan")(plan)
app.command("bench")(bench)
app.command("calibrate")(calibrate)
app.command("doctor")(doctor)
app.command("cite")(cite)
app.command("papers")(papers)
