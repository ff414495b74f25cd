"""The ways into the catalogue: by year, by law, by cost, and a page that searches."""

from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path

from pages import NOTE, gist, link, names, operator_table, table
from work import SPATIAL, Work, work

from circulant.core.card import Card, Law
from circulant.report.policy import content_policy

TEMPLATE = Path(__file__).parent / "search.html"
WAYS = {
    "search.html": "search (open it in a browser)",
    "../instead.md": "in the place of what",
    "by-law.md": "by law",
    "by-cost.md": "by cost",
    "by-year.md": "by year",
    "index.md": "by room",
}
AXES = {1: "One axis", 2: "Two axes", 3: "Three axes", 4: "Four axes"}


def ways(here: str) -> str:
    """Links to the other pages."""
    return "Find an operator " + " · ".join(
        text if page == here else f"[{text}]({page})" for page, text in WAYS.items()
    )


def law_name(law: Law) -> str:
    return law.name.lower().replace("_", "-")


def _page(here: str, title: str, *parts: str) -> str:
    return "\n\n".join([NOTE, f"# {title}", ways(here), *parts]) + "\n"


def by_room(cards: tuple[Card, ...]) -> str:
    rooms = dict.fromkeys(card.room for card in cards)
    sections = (
        f"## {room}\n\n{operator_table(card for card in cards if card.room == room)}" for room in rooms
    )
    return _page("index.md", "Operators", *sections)


def by_year(cards: Iterable[Card]) -> str:
    newest_first = sorted(cards, key=lambda card: (-card.papers[0].year, card.name))
    lines = ((str(card.papers[0].year), names(card), link(card.papers[0])) for card in newest_first)
    return _page("by-year.md", "Operators by year", table(("year", "operator", "source"), lines))


def by_law(cards: tuple[Card, ...]) -> str:
    wishes: list[tuple[str, str, Callable[[Card], bool]]] = [
        (
            "causal and streams",
            "Decode sample by sample, and give what they give on the whole sequence.",
            lambda card: {Law.CAUSAL, Law.STREAMS} <= card.laws,
        )
    ]
    wishes += [(law_name(law), f"{law.value}.", lambda card, law=law: law in card.laws) for law in Law]
    sections = (
        f"## {title}\n\n{meaning}\n\n"
        + table(("operator", "what it does"), ((names(card), gist(card)) for card in cards if holds(card)))
        for title, meaning, holds in wishes
    )
    return _page("by-law.md", "Operators by law", "Each law is verified by the contract.", *sections)


def by_cost(cards: Iterable[Card]) -> str:
    rows = sorted(((each, card) for card in cards for each in work(card)), key=lambda row: _order(row[0]))
    sections = (
        f"## {AXES[ndim]}\n\n" + _cost_table((each, card) for each, card in rows if each.spatial == spatial)
        for ndim, spatial in SPATIAL.items()
    )
    about = (
        "Operations of one call, two for each multiplication with its addition, as the operator is built for "
        "`circulant compare`; convolutions are counted by the direct algorithm, which the planner often "
        "beats. N is the number of positions."
    )
    return _page("by-cost.md", "Operators by cost", about, *sections)


def _order(each: Work) -> tuple[float, int, str]:
    return each.flop, each.parameters, each.operator


def _cost_table(rows: Iterable[tuple[Work, Card]]) -> str:
    lines = (
        (f"[`{each.operator}`]({card.name}.md)", each.operations, each.growth, f"{each.parameters:,}")
        for each, card in rows
    )
    return table(("operator", "operations", "grow as", "parameters"), lines)


def search_page(cards: Iterable[Card]) -> str:
    """All operators in one table, which a script filters; without it the table is whole."""
    template = TEMPLATE.read_text(encoding="utf-8")
    style, script = (template.split(f"<{tag}>")[1].split(f"</{tag}>")[0] for tag in ("style", "script"))
    rows = "\n".join(_row(card, each) for card in cards for each in work(card))
    laws = "\n".join(
        f'<label><input type="checkbox" value="{law_name(law)}"> {law_name(law)}</label>' for law in Law
    )
    filled = {"policy": content_policy(style, script), "note": NOTE, "laws": laws, "rows": rows}
    for name, text in filled.items():
        template = template.replace(f"@{name}@", text)
    return template


def _row(card: Card, each: Work) -> str:
    laws = [law_name(law) for law in Law if law in card.laws]
    paper, ndim = card.papers[0], len(each.spatial)
    cells = (
        f'<a href="{card.name}.md">{each.operator}</a>',
        escape(gist(card)),
        card.room,
        str(ndim),
        ", ".join(laws),
        f'<a href="{escape(paper.url)}">{escape(paper.title)}</a>',
        str(paper.year),
        each.operations,
    )
    shown = "".join(f"<td>{cell}</td>" for cell in cells)
    data = f'data-room="{card.room}" data-axes="{ndim}" data-laws="{" ".join(laws)}"'
    return f'<tr {data} data-year="{paper.year}" data-cost="{each.flop:.0f}">{shown}</tr>'
