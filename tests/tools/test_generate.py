"""The generated files: fresh, and made from what the cards say."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from circulant import nn
from circulant.catalogue import CATALOGUE
from circulant.papers import exports

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tools"


@pytest.fixture
def generate(monkeypatch):
    """The tool as a module; its folder is on the path as when it runs as a script."""
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module("generate")


@pytest.fixture
def tree(generate, tmp_path):
    """A tree with fresh generated files."""
    (tmp_path / "README.md").write_text(f"before\n{generate.BEGIN}\nwhat stood here\n{generate.END}\nafter\n")
    generate.write(tmp_path, generate.generated(tmp_path, CATALOGUE))
    return tmp_path


def stale(generate, tree: Path) -> set[str]:
    return {str(path) for path in generate.stale(tree, generate.generated(tree, CATALOGUE))}


def test_the_generated_files_of_the_repository_are_fresh():
    command = [sys.executable, str(TOOLS / "generate.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_what_was_just_written_is_fresh(generate, tree):
    assert stale(generate, tree) == set()


@pytest.mark.parametrize("name", ["src/circulant/nn.py", "docs/operators/index.md", "README.md"])
def test_a_changed_file_is_stale(generate, tree, name):
    (tree / name).write_text((tree / name).read_text().replace("SqueezeExcitation1d", "Squeeze1d"))
    assert stale(generate, tree) == {name}


def test_a_missing_page_is_stale_and_so_is_one_without_an_operator(generate, tree):
    pages = tree / "docs/operators"
    (pages / f"{CATALOGUE[0].name}.md").rename(pages / "Gone.md")
    assert stale(generate, tree) == {f"docs/operators/{CATALOGUE[0].name}.md", "docs/operators/Gone.md"}


def test_a_page_that_people_wrote_is_left_alone(generate, tree):
    page = tree / "docs/operators/advice.md"
    page.write_text("# Advice\n")
    generate.write(tree, generate.generated(tree, CATALOGUE))
    assert page.exists()


def test_only_the_part_of_the_readme_between_the_markers_changes(generate, tree):
    text = (tree / "README.md").read_text()
    assert text.startswith(f"before\n{generate.BEGIN}\n")
    assert text.endswith(f"{generate.END}\nafter\n")
    assert "what stood here" not in text


def test_nn_shows_exactly_the_operators_of_the_catalogue():
    expected = {shown.__name__ for card in CATALOGUE for shown in exports(card)}
    assert set(nn.__all__) == expected
    for card in CATALOGUE:
        assert all(getattr(nn, operator.__name__) is operator for operator in card.operators)


@pytest.mark.parametrize("card", CATALOGUE, ids=lambda card: card.name)
def test_a_page_tells_what_its_card_tells(card):
    page = (ROOT / "docs/operators" / f"{card.name}.md").read_text()
    assert all(operator.__name__ in page for operator in card.operators)
    assert all(paper.title in page and paper.url in page for paper in card.papers)
    assert all(law.value in page for law in card.laws)
    assert all(check in page for check in card.exempt)
    assert all(parameter in page for parameter in inspect.signature(card.operators[0]).parameters)
    assert inspect.getsource(card.reference).strip() in page


def test_an_exemption_is_shown_with_its_reason(generate):
    pages = importlib.import_module("pages")
    card = next(card for card in CATALOGUE if card.name == "SqueezeExcitation1d")
    exempt = type(card)(
        **{field: getattr(card, field) for field in card.__slots__} | {"exempt": {"export": "a | b"}}
    )
    assert "| export | a \\| b |" in pages.operator_page(exempt, set())
    assert "every check of the contract holds" in pages.operator_page(card, set())


def test_every_module_beside_the_operators_has_one_line_that_says_what_it_is():
    page = (ROOT / "docs/modules.md").read_text()
    for package in ("models", "train", "optimise", "explain", "data"):
        for path in sorted((ROOT / "src/circulant" / package).glob("*.py")):
            if path.stem != "__init__":
                assert page.count(f"| `circulant.{package}.{path.stem}` | ") == 1, path
    assert "| `circulant.models.conv_next` | ConvNeXt: blocks of a 7x7 depthwise convolution" in page
