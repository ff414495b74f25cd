"""The table of papers, and that what it says of components and tests is so."""

import re
import subprocess
import sys
from difflib import SequenceMatcher
from importlib import import_module
from pathlib import Path

import pytest

from circulant.catalogue import CATALOGUE
from circulant.papers import components, entries, exports, rows, titles

ROOT = Path(__file__).parents[2]
TITLES = {title.title for title in titles()}
SOURCES = sorted({(card.name, paper.title) for card in CATALOGUE for paper in card.papers})


def plain(title: str) -> str:
    return re.sub(r"\W+", " ", title.lower()).strip()


def nearest(title: str) -> tuple[float, str]:
    """How alike the most similar title of the table is, from 0 to 1, and which it is."""
    return max((SequenceMatcher(None, plain(title), plain(known)).ratio(), known) for known in TITLES)


def resolve(component: str) -> object:
    """What an import path names: a module, or an attribute at the end of one."""
    module, _, attribute = component.rpartition(".")
    return getattr(import_module(module), attribute)


def test_the_table_holds_319_different_titles_with_plausible_years():
    assert len(titles()) == len(TITLES) == 319
    assert all(2012 <= title.year <= 2026 for title in titles())
    assert all(title.title == title.title.strip() for title in titles())


def test_the_table_keeps_the_order_of_the_plan():
    found = [title.title for title in titles()]
    assert found[0].startswith("Scaling Up Your Kernels: ")
    assert found[172] == "Squeeze-and-Excitation Networks"
    assert found[-1].startswith("Differentiable Sensor Layouts ")


def test_operators_of_the_table_lie_in_rooms_of_the_catalogue():
    rooms = {title.room for title in titles()}
    assert {card.room for card in CATALOGUE} <= rooms


@pytest.mark.parametrize("component", sorted({entry.component for entry in entries()}))
def test_every_component_can_be_imported(component):
    assert component.startswith("circulant.")
    assert callable(resolve(component))


def test_every_named_test_file_is_collected_and_holds_a_test():
    files = sorted({entry.test for entry in entries()})
    missing = [file for file in files if not (ROOT / file).is_file()]
    assert not missing, f"entries name test files that are not there: {missing}"
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    collected = {line.split("::")[0] for line in result.stdout.splitlines() if "::" in line}
    assert collected == set(files)


def test_every_entry_has_its_title_in_the_table():
    assert {entry.title for entry in entries()} <= TITLES


def test_components_that_are_no_operators_are_not_said_twice():
    operators = {f"circulant.nn.{shown.__name__}" for card in CATALOGUE for shown in exports(card)}
    assert not operators & {entry.component for entry in components()}


@pytest.mark.parametrize("card", CATALOGUE, ids=lambda card: card.name)
def test_an_operator_is_listed_at_the_papers_that_its_card_names_and_nowhere_else(card):
    named = {paper.title for paper in card.papers} & TITLES
    for operator in card.operators:
        component = f"circulant.nn.{operator.__name__}"
        assert {row.title for row in rows() if component in row.components} == named


@pytest.mark.parametrize(("name", "title"), SOURCES)
def test_no_source_is_a_misspelt_title_of_the_table(name, title):
    alikeness, known = nearest(title)
    assert title in TITLES or alikeness < 0.9, f"{name}: write {known!r}"


@pytest.mark.parametrize("card", CATALOGUE, ids=lambda card: card.name)
def test_a_card_and_the_table_agree_on_the_year_of_the_first_public_version(card):
    years = {title.title: title.year for title in titles()}
    for paper in card.papers:
        assert paper.year == years.get(paper.title, paper.year), paper.title


def test_a_misspelt_title_would_be_noticed():
    alikeness, known = nearest("Squeeze and Excitation networks.")
    assert alikeness >= 0.9
    assert known == "Squeeze-and-Excitation Networks"


def test_rows_without_an_entry_have_no_component():
    realised = {entry.title for entry in entries()}
    assert all(bool(row.components) == (row.title in realised) for row in rows())
