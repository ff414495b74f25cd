"""`circulant list`: the operators of the catalogue."""

import inspect
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from circulant.catalogue import CATALOGUE
from circulant.cli.output import JsonOption, columns, print_json
from circulant.core.card import Card, Law
from circulant.core.errors import UnknownNameError
from circulant.core.operator import Operator

Text = Annotated[str, typer.Argument(help="Only operators whose name or paper holds this text.")]
Room = Annotated[str | None, typer.Option(help="Only this room, such as spatial.")]
Laws = Annotated[
    list[str] | None, typer.Option("--law", help="Only operators that obey it; may be repeated.")
]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a constructor. default is source text; None: the argument must be given."""

    name: str
    annotation: str
    default: str | None
    keyword_only: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One operator as JSON shows it."""

    name: str
    room: str
    ndims: tuple[int, ...]
    laws: tuple[str, ...]
    papers: tuple[str, ...]
    parameters: tuple[Parameter, ...]


def list_operators(text: Text = "", room: Room = None, law: Laws = None, as_json: JsonOption = False) -> None:
    """List the operators, by room.

    Example: circulant list --room sequence --law causal
    """
    found = [row for row in rows() if _matches(row, text.lower(), _room(room), _laws(law or ()))]
    if as_json:
        print_json([_fields(row) for row in found])
    elif found:
        typer.echo(_table(found))
    else:
        typer.echo("no operator matches; circulant list shows all", err=True)


def rows() -> list[Row]:
    return [_row(card, operator) for card in CATALOGUE for operator in card.operators]


def _row(card: Card, operator: type[Operator]) -> Row:
    laws = tuple(law_name(law) for law in Law if law in card.laws)
    titles = tuple(paper.title for paper in card.papers)
    return Row(operator.__name__, card.room, operator.ndims, laws, titles, _parameters(operator))


def law_name(law: Law) -> str:
    return law.name.lower().replace("_", "-")


def _parameters(operator: type[Operator]) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(
            name,
            inspect.formatannotation(parameter.annotation),
            None if parameter.default is parameter.empty else repr(parameter.default),
            parameter.kind is parameter.KEYWORD_ONLY,
        )
        for name, parameter in inspect.signature(operator).parameters.items()
    )


def _room(text: str | None) -> str | None:
    known = {card.room for card in CATALOGUE}
    if text is not None and text not in known:
        raise UnknownNameError("room", text, known)
    return text


def _laws(texts: Iterable[str]) -> frozenset[str]:
    known = {law_name(law) for law in Law}
    for text in texts:
        if text not in known:
            raise UnknownNameError("law", text, known)
    return frozenset(texts)


def _matches(row: Row, text: str, room: str | None, laws: frozenset[str]) -> bool:
    searched = "\n".join((row.name, *row.papers)).lower()
    return text in searched and room in (None, row.room) and laws <= set(row.laws)


def _fields(row: Row) -> dict[str, Any]:
    return asdict(row)


def _table(found: list[Row]) -> str:
    lines = [("room", "operator", "axes", "laws")]
    lines += [(row.room, row.name, ",".join(map(str, row.ndims)), ", ".join(row.laws)) for row in found]
    return columns(lines)
