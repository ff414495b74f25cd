"""`circulant cite`: the papers behind an operator."""

import re
import unicodedata
from typing import Annotated

import typer

from circulant.catalogue import find
from circulant.cli.output import JsonOption, print_json
from circulant.core.card import Paper

Name = Annotated[str, typer.Argument(help="An operator, such as SGConv.")]


def cite(name: Name, as_json: JsonOption = False) -> None:
    """Print the sources of an operator as text and as BibTeX.

    Example: circulant cite SGConv
    """
    papers = find(name).papers
    if as_json:
        print_json([_fields(paper) for paper in papers])
        return
    for paper in papers:
        typer.echo(f"{as_text(paper)}\n\n{as_bibtex(paper)}\n")


def _fields(paper: Paper) -> dict[str, object]:
    return {
        "authors": paper.authors,
        "year": paper.year,
        "title": paper.title,
        "url": paper.url,
        "text": as_text(paper),
        "bibtex": as_bibtex(paper),
    }


def as_text(paper: Paper) -> str:
    return f"{paper.authors} ({paper.year}). {paper.title}. {paper.url}"


def as_bibtex(paper: Paper) -> str:
    return "\n".join(
        (
            f"@misc{{{_key(paper)},",
            f"  author = {{{_escaped(_authors(paper))}}},",
            f"  title = {{{{{_escaped(paper.title)}}}}},",
            f"  year = {{{paper.year}}},",
            f"  url = {{{paper.url}}},",
            "}",
        )
    )


def _authors(paper: Paper) -> str:
    """BibTeX joins authors by "and" alone, and says "others" for et al."""
    text = re.sub(r",?\s+et al\.?$", " and others", paper.authors)
    return " and ".join(re.split(r"\s+and\s+|,\s*(?:and\s+)?", text))


def _key(paper: Paper) -> str:
    """First author's last name, year, first long word of the title, in the letters that BibTeX allows."""
    first = re.split(r",|\s+and\s+|\s+et al", paper.authors)[0].split()[-1]
    word = next((word for word in re.findall(r"\w+", paper.title) if len(word) > 3), "paper")
    plain = unicodedata.normalize("NFKD", f"{first}{paper.year}{word}").encode("ascii", "ignore").decode()
    return re.sub(r"\W", "", plain).lower()


def _escaped(text: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", text)
