"""Which components there are of each paper of the plan, and which test proves them.

`papers.tsv` beside this file holds title, year of the first public version, and room of every paper
that the library sets out to realise, in the order of the plan. What realises a paper is never
written there: operators come from the cards of the catalogue, everything else from `components.tsv`.
"""

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from circulant.catalogue import CATALOGUE
from circulant.core.card import Card, Entry


@dataclass(frozen=True, slots=True)
class Title:
    """One line of papers.tsv."""

    title: str
    year: int
    room: str


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One line of `circulant papers`. No components: not yet realised."""

    title: str
    year: int
    room: str
    components: tuple[str, ...]
    tests: tuple[str, ...]


@cache
def titles() -> tuple[Title, ...]:
    """Every paper of the plan."""
    return tuple(Title(line["title"], int(line["year"]), line["room"]) for line in _lines("papers.tsv"))


@cache
def components() -> tuple[Entry, ...]:
    """What realises a paper and is not an operator."""
    return tuple(Entry(**line) for line in _lines("components.tsv"))


def _lines(name: str) -> Iterator[dict[str, str]]:
    text = files("circulant").joinpath(name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)


def tests_of(card: Card) -> str:
    """Where the tests of an operator file lie, by convention."""
    _, _, room, name = card.module.split(".")
    return f"tests/operators/{room}/test_{name}.py"


def exports(card: Card) -> tuple[Any, ...]:
    """What `circulant.nn` shows of an operator file: its operators, then EXPORTS (classes, functions or
    their names)."""
    module = sys.modules[card.module]
    extras = (getattr(extra, "__name__", extra) for extra in getattr(module, "EXPORTS", ()))
    return (*card.operators, *(getattr(module, name) for name in extras))


def entries_of(card: Card, known: frozenset[str]) -> Iterator[Entry]:
    """One entry for each known paper and each name. Papers outside the plan are sources, no entries."""
    for paper in card.papers:
        if paper.title in known:
            for shown in exports(card):
                yield Entry(paper.title, f"circulant.nn.{shown.__name__}", tests_of(card))


@cache
def entries() -> tuple[Entry, ...]:
    """Everything that realises a paper of the plan."""
    known = frozenset(title.title for title in titles())
    return tuple(entry for card in CATALOGUE for entry in entries_of(card, known)) + components()


def rows() -> tuple[PaperRow, ...]:
    """One row for each paper of the plan."""
    found: dict[str, list[Entry]] = {title.title: [] for title in titles()}
    for entry in entries():
        found[entry.title].append(entry)
    return tuple(
        PaperRow(
            title.title,
            title.year,
            title.room,
            tuple(dict.fromkeys(entry.component for entry in found[title.title])),
            tuple(dict.fromkeys(entry.test for entry in found[title.title])),
        )
        for title in titles()
    )
