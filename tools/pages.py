"""Markdown from the catalogue: the list of the README and one page for each card."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Container, Iterable

from work import work

from circulant.core.card import Card, Law, Paper
from circulant.core.operator import Operator
from circulant.papers import exports

PICTURES = "../images/operators"
SUPPORT = {
    "float64, float32, bfloat16, float16": ("keeps_dtype", "close_in_every_dtype"),
    "autocast": ("autocast",),
    "first derivatives": ("first_derivative",),
    "second derivatives": ("second_derivative",),
    "`torch.compile` without graph breaks, for any sizes": ("compiles", "compiles_with_dynamic_sizes"),
    "`torch.export`": ("exports",),
    "channels last and other memory layouts": ("memory_layouts",),
    "an empty batch": ("empty_batch",),
    "the meta device": ("meta_device",),
}
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


def names(card: Card, folder: str = "") -> str:
    """Links to the page of the family."""
    return ", ".join(f"[`{operator.__name__}`]({folder}{card.name}.md)" for operator in card.operators)


def operator_table(cards: Iterable[Card]) -> str:
    lines = (
        (
            names(card),
            gist(card),
            "; ".join(link(paper) for paper in card.papers),
        )
        for card in cards
    )
    return table(("operator", "what it does", "source"), lines)


def readme_list(cards: tuple[Card, ...]) -> str:
    """Every operator, room by room; what each does is on its page and in the index."""
    rooms = dict.fromkeys(card.room for card in cards)
    return "\n\n".join(
        f"**{room}**: {', '.join(names(card, 'docs/operators/') for card in cards if card.room == room)}"
        for room in rooms
    )


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


def costs(card: Card) -> str:
    header = ("operator", "x", "parameters", "operations", "which grow as")
    lines = (
        (f"`{each.operator}`", each.shape, f"{each.parameters:,}", each.operations, each.growth)
        for each in work(card)
    )
    return (
        table(header, lines)
        + "\n\nAs built for `circulant compare`; operations by the direct algorithm, two for each "
        "multiplication with its addition. N is the number of positions."
    )


def support(card: Card) -> str:
    """What the contract checks on each case, and whether this operator passes."""
    ndims = ", ".join(map(str, card.ndims))
    lines = [("axes of x", ndims), ("streams sample by sample", _yes(Law.STREAMS in card.laws))]
    lines += [(what, _yes(not set(checks) & card.exempt.keys())) for what, checks in SUPPORT.items()]
    return table(("what", "supported"), lines)


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def sight(card: Card, pictures: Container[str]) -> str:
    """The receptive field of the first member that can be drawn."""
    if card.name not in pictures:
        return "There is no picture of an operator on more than two axes alone."
    return (
        f"![What the middle of the output depends on]({PICTURES}/{card.name}.svg)\n\n"
        "How much each sample of x moves the middle of y, as initialised, averaged over random x of 16 "
        "channels; the frame holds half of it."
    )


def timing(card: Card, pictures: Container[str]) -> str:
    timed = [operator.__name__ for operator in card.operators if f"{operator.__name__}-time" in pictures]
    if not timed:
        return "Not measured yet."
    shown = (f"![Time of {name} beside plain PyTorch code]({PICTURES}/{name}-time.svg)" for name in timed)
    return "\n\n".join(
        [*shown, "How this was measured, and all figures: [benchmarks](../operator-benchmarks.md)."]
    )


def exemptions(card: Card) -> str:
    """Checks of the contract that the operator does not pass, with the card's reason."""
    if not card.exempt:
        return "None: every check of the contract holds."
    return table(("check", "why it cannot hold"), sorted(card.exempt.items()))


def operator_page(card: Card, pictures: Container[str]) -> str:
    """pictures: names of those that there are, without their ending."""
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
                f"## What it sees\n\n{sight(card, pictures)}",
                f"## Laws\n\n{laws(card)}",
                f"## Cost\n\n{costs(card)}",
                f"## Time\n\n{timing(card, pictures)}",
                f"## Support\n\n{support(card)}",
                f"## Sources\n\n{sources}",
                "## Reference\n\nThe naive code that the operator is tested against, in float64:\n\n"
                f"```python\n{inspect.getsource(card.reference).rstrip()}\n```",
                f"## Exemptions\n\n{exemptions(card)}",
            ]
        )
        + "\n"
    )
