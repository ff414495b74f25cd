"""The ways into the catalogue: each leads to every operator that it promises, in two clicks."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.report.chromium import browser

from circulant.catalogue import CATALOGUE
from circulant.core.card import Law

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/operators"
NAMES = {operator.__name__ for card in CATALOGUE for operator in card.operators}
SHOWN = """
const rows = [...document.querySelectorAll("tbody tr")];
return rows.filter((row) => !row.hidden).map((row) => row.cells[0].textContent);
"""
CHANGE = """
const form = document.forms[0];
for (const [name, value] of Object.entries(%s)) form[name].value = value;
for (const box of form.querySelectorAll("input[type=checkbox]")) box.checked = %s.includes(box.value);
form.dispatchEvent(new Event("input", { bubbles: true }));
"""


def listed(text):
    return set(re.findall(r"`(\w+)`\]", text))


@pytest.mark.parametrize("page", ["index.md", "by-year.md", "by-cost.md"])
def test_a_page_lists_every_operator_and_leads_to_the_others(page):
    text = (PAGES / page).read_text()
    assert listed(text) == NAMES
    assert "(search.html)" in text
    assert "(../instead.md)" in text


def test_operators_are_listed_under_exactly_the_laws_that_they_claim():
    text = (PAGES / "by-law.md").read_text()
    sections = {part.split("\n")[0]: listed(part) for part in text.split("\n## ")[1:]}
    for law in Law:
        claimed = {one.__name__ for card in CATALOGUE if law in card.laws for one in card.operators}
        assert sections[law.name.lower().replace("_", "-")] == claimed
    assert sections["causal and streams"] == sections["causal"] & sections["streams"] != set()


def test_the_cheapest_and_the_newest_come_first():
    years = re.findall(r"^\| (\d{4}) \|", (PAGES / "by-year.md").read_text(), re.MULTILINE)
    assert years == sorted(years, reverse=True)
    for section in (PAGES / "by-cost.md").read_text().split("\n## ")[1:]:
        millions = [float(found) for found in re.findall(r"\| ([\d.e+-]+) M \|", section)]
        assert millions == sorted(millions)


def test_every_operator_on_one_or_two_axes_has_a_picture_and_every_picture_an_operator():
    pictures = {path.stem for path in (ROOT / "docs/images/operators").glob("*.svg")}
    drawn = {card.name for card in CATALOGUE if min(card.ndims) <= 2}
    timed = {name for name in pictures if name.endswith("-time")}
    assert pictures - timed == drawn
    assert {name.removesuffix("-time") for name in timed} <= NAMES


def test_a_drawn_picture_is_an_svg_file(tmp_path):
    command = "import pictures; from circulant.catalogue import CATALOGUE; print(pictures.draw(CATALOGUE[0]))"
    result = subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT / "tools", capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert result.stdout.startswith("<svg")
    assert "samples" in result.stdout


def test_the_search_finds_by_words_laws_axes_and_room_and_sorts(tmp_path):
    with browser(tmp_path / "profile") as window:
        window.open(PAGES / "search.html", 1200)
        everything = window.run(SHOWN)
        window.run(CHANGE % ('{text: ""}', '["causal", "streams"]'))
        streaming = window.run(SHOWN)
        window.run(CHANGE % ('{text: "hippos", axes: "1", room: "sequence", order: "cost"}', "[]"))
        found = window.run(SHOWN)
        sideways = window.run("return document.documentElement.scrollWidth - innerWidth;")
        messages = window.messages()
    assert messages == []
    assert set(everything) == NAMES
    wished = {Law.CAUSAL, Law.STREAMS}
    assert set(streaming) == {o.__name__ for card in CATALOGUE if wished <= card.laws for o in card.operators}
    assert found == ["ShiftSsm", "DiagonalSsm", "H3Mixer"]
    assert sideways <= 0
