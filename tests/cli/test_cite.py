"""`circulant cite`."""

import json
import re

import pytest
from typer.testing import CliRunner

from circulant.catalogue import CATALOGUE
from circulant.cli.cite import as_bibtex
from circulant.cli.main import app
from circulant.core.card import Paper


def run(*arguments: str):
    return CliRunner().invoke(app, ["cite", *arguments])


def paper(authors: str, title: str = "On Waves & 100 % of Them") -> Paper:
    return Paper(authors, 2021, title, "https://example.org/a_b")


def authors_line(bibtex: str) -> str:
    return re.search(r"author = \{(.*)\},", bibtex).group(1)


@pytest.mark.parametrize("card", CATALOGUE, ids=lambda card: card.name)
def test_every_source_of_a_card_is_cited(card):
    cited = json.loads(run(card.name, "--json").stdout)
    assert [(row["title"], row["year"], row["url"]) for row in cited] == [
        (source.title, source.year, source.url) for source in card.papers
    ]
    assert all(row["bibtex"].count("{") == row["bibtex"].count("}") for row in cited)


def test_text_and_bibtex_are_printed():
    text = run("SqueezeExcitation2d").stdout
    assert "Squeeze-and-Excitation Networks. https://" in text
    assert "@misc{hu" in text


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        ("Hu, Shen and Wu", "Hu and Shen and Wu"),
        ("J. Hu, L. Shen, and G. Sun", "J. Hu and L. Shen and G. Sun"),
        ("Anderson et al.", "Anderson and others"),
        ("A. Anderson, B. Brandt et al.", "A. Anderson and B. Brandt and others"),
        ("Anderson", "Anderson"),
    ],
)
def test_authors_are_joined_as_bibtex_wants(authors, expected):
    assert authors_line(as_bibtex(paper(authors))) == expected


def test_signs_that_latex_reads_are_escaped_in_the_title_but_not_in_the_address():
    bibtex = as_bibtex(paper("Anderson"))
    assert r"On Waves \& 100 \% of Them" in bibtex
    assert "https://example.org/a_b" in bibtex


def test_the_key_is_plain_ascii_words_of_author_year_and_title():
    assert as_bibtex(paper("D. O'Neill-Smith and B. Brandt")).startswith("@misc{oneillsmith2021waves,")
    assert as_bibtex(paper("Núñez and Brandt")).startswith("@misc{nunez2021waves,")


def test_an_unknown_operator_is_wrong_use_and_suggests_the_nearest():
    result = run("SqueezExcitation2d")
    assert result.exit_code == 2
    assert "SqueezeExcitation2d" in result.stderr
