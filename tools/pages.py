"""Markdown from the catalogue: the table of the README and one page for each card."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterable

from circulant.core.card import Card, Paper
from circulant.core.operator import Operator
from circulant.papers import exports

NOTE = "<!-- written by tools/generate.py from the catalogue; do not edit -->"


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def table(header: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    names = list(header)
    rows = [names, ["---"] * len(names), *([cell(text) for text in line] for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def docstring(card: Card) -> str:
    return inspect.getdoc(sys.modules[card.module]) or ""


def gist(card: Card) -> str:
    """The first sentence of the operator file, on one line."""
    first = docstring(card).split("\n\n")[0].rstrip(".: ")
    return " ".join(first.split())


def link(paper: Paper) -> str:
    return f"[{paper.title}]({paper.url})"


def operator_table(cards: Iterable[Card], folder: str) -> str:
    lines = (
        (
            ", ".join(f"[`{operator.__name__}`]({folder}{card.name}.md)" for operator in card.operators),
            gist(card),
            "; ".join(link(paper) for paper in card.papers),
        )
        for card in cards
    )
    return table(("operator", "what it does", "source"), lines)


def readme_table(cards: tuple[Card, ...]) -> str:
    """Every operator, room by room."""
    rooms = dict.fromkeys(card.room for card in cards)
    sections = (
        f"**{room}**\n\n{operator_table([card for card in cards if card.room == room], 'docs/operators/')}"
        for room in rooms
    )
    return "\n\n".join(sections)


def index(cards: tuple[Card, ...]) -> str:
    rooms = dict.fromkeys(card.room for card in cards)
    sections = (
        f"## {room}\n\n{operator_table([card for card in cards if card.room == room], '')}" for room in rooms
    )
    return "\n\n".join([NOTE, "# Operators", *sections]) + "\n"


def constructors(card: Card) -> str:
    """Each different list of arguments once."""
    by_arguments: dict[str, list[str]] = {}
    for operator in card.operators:
        by_arguments.setdefault(arguments_of(operator), []).append(operator.__name__)
    return "\n".join(
        "\n".join([signature(names[0], arguments), *(f"{name}(...)  # the same" for name in names[1:])])
        for arguments, names in by_arguments.items()
    )


def arguments_of(operator: type[Operator]) -> str:
    """The arguments of the constructor as its source writes them, without self."""
    source = textwrap.dedent(inspect.getsource(operator.__init__))
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    function.args.args = function.args.args[1:]
    return ast.unparse(function.args)


def signature(name: str, arguments: str) -> str:
    if len(f"{name}({arguments})") <= 100:
        return f"{name}({arguments})"
    return f"{name}(\n    " + ",\n    ".join(split_arguments(arguments)) + ",\n)"


def split_arguments(arguments: str) -> list[str]:
    """Split at the commas that no bracket encloses."""
    parts, depth = [""], 0
    for letter in arguments:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def laws(card: Card) -> str:
    claimed = sorted(card.laws, key=lambda law: law.name)
    lines = ((law.name.lower().replace("_", "-"), law.value) for law in claimed)
    return table(("law", "meaning"), lines) if claimed else "It claims none."


def exemptions(card: Card) -> str:
    """Checks of the contract that the operator does not pass, with the card's reason."""
    if not card.exempt:
        return "None: every check of the contract holds."
    return table(("check", "why it cannot hold"), sorted(card.exempt.items()))


def operator_page(card: Card) -> str:
    names = [shown.__name__ for shown in exports(card)]
    sources = "\n".join(f"- {paper.authors} ({paper.year}). {link(paper)}." for paper in card.papers)
    return (
        "\n\n".join(
            [
                NOTE,
                f"# {', '.join(names)}",
                f"Room `{card.room}`. `from circulant.nn import {', '.join(names)}`",
                f"```text\n{docstring(card)}\n```",
                f"## Constructor\n\n```python\n{constructors(card)}\n```",
                f"## Laws\n\n{laws(card)}",
                f"## Sources\n\n{sources}",
                "## Reference\n\nThe naive code that the operator is tested against, in float64:\n\n"
                f"```python\n{inspect.getsource(card.reference).rstrip()}\n```",
                f"## Exemptions\n\n{exemptions(card)}",
            ]
        )
        + "\n"
    )
