"""`circulant papers`: what there is of each paper of the plan."""

from dataclasses import asdict
from typing import Annotated

import typer

from circulant.cli.output import JsonOption, columns, print_json
from circulant.core.errors import UnknownNameError
from circulant.papers import PaperRow, rows

Text = Annotated[str, typer.Argument(help="Only papers whose title or components hold this text.")]
Room = Annotated[str | None, typer.Option(help="Only this room, such as spatial.")]
Done = Annotated[bool | None, typer.Option("--done/--open", help="Only papers with components, or without.")]


def papers(text: Text = "", room: Room = None, done: Done = None, as_json: JsonOption = False) -> None:
    """List every paper that the library sets out to realise, and the components that are there.

    Example: circulant papers --room sequence --done
    """
    every = rows()
    known = {row.room for row in every}
    if room is not None and room not in known:
        raise UnknownNameError("room", room, known)
    found = [row for row in every if _matches(row, text.lower(), room, done)]
    if as_json:
        print_json([asdict(row) for row in found])
        return
    if found:
        typer.echo(columns([_cells(row) for row in found]))
    with_components = sum(bool(row.components) for row in found)
    typer.echo(f"{with_components} of {len(found)} have components", err=True)


def _matches(row: PaperRow, text: str, room: str | None, done: bool | None) -> bool:
    searched = "\n".join((row.title, *row.components)).lower()
    return text in searched and room in (None, row.room) and done in (None, bool(row.components))


def _cells(row: PaperRow) -> tuple[str, ...]:
    components = ", ".join(name.removeprefix("circulant.") for name in row.components)
    return str(row.year), row.room, f"{row.title} -> {components or 'not yet'}"
