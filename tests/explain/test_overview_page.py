"""The page of an explanation as a browser reads it: complete, offline, and safe from hostile names."""

import json
import re
from dataclasses import replace
from functools import cache

import pytest
import torch
from tests.compare.test_page import ATTACK, Page
from tests.explain.explained import branching_explained, pictures_explained, series_explained
from tests.report.chromium import browser
from torch import nn

from circulant.explain import explain
from circulant.explain.overview.part import LeftOut

SECTIONS = ["filters", "sight", "frequencies", "machine", "likeness"]
BLOCKS = {
    *("statistics", "basis", "shift", "fields", "maps", "interpreter", "responses", "aliasing", "spectra"),
    *("efficiency", "within", "between"),
}
LOOK = """
const shown = (one) => one.getClientRects().length > 0;
return {
  drawings: [...document.querySelectorAll("svg")].filter(shown).length,
  empty: [...document.querySelectorAll("figcaption")].filter((one) => !one.textContent).length,
  broken: [...document.images].filter((image) => !image.naturalWidth).length,
  buttons: document.querySelectorAll("th button").length,
  loaded: performance.getEntriesByType("resource").map((one) => one.name).filter((n) => !/^data:/.test(n)),
  sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  reached: [...document.querySelectorAll(".scroll")].every((one) => one.tabIndex === 0),
};
"""
SORT = """
const head = [...document.querySelectorAll("th")].find((th) => th.textContent.startsWith("Time"));
head.querySelector("button").click();
const table = head.closest("table");
return [...table.tBodies[0].rows].map((row) => Number(row.cells[head.cellIndex].dataset.value));
"""


@cache
def read(explained):
    return Page(explained().page())


CASES = pytest.mark.parametrize("explained", [pictures_explained, series_explained, branching_explained])


@CASES
def test_the_page_is_well_formed_with_every_part_or_the_reason_why_not(explained):
    page = read(explained)
    assert page.unbalanced == []
    assert page.open == []
    assert [attrs["id"] for attrs in page.all("section")] == SECTIONS
    assert page.ids >= BLOCKS
    links = [attrs["href"][1:] for attrs in page.all("a")]
    assert set(links) <= page.ids
    assert len(page.all("p", class_="left-out")) == sum(
        isinstance(getattr(explained().parts, key), LeftOut) for key in explained().parts.__slots__
    )


@CASES
def test_nothing_is_loaded_from_outside(explained):
    text = explained().page()
    sources = re.findall(r"""(?:src|href|action|data|srcset)=["']([^"']*)""", text)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert not re.search(r"url\(|@import|https?://", text)
    (policy,) = (attrs["content"] for attrs in read(explained).all("meta") if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")


class Nested(nn.Module):
    """Layers far down, under long names."""

    def __init__(self):
        super().__init__()
        inner = nn.Sequential()
        for depth in range(5):
            inner.add_module(f"a_long_name_of_a_block_{depth}", nn.Conv1d(1, 1, 3, padding=1))
        self.an_outer_name_that_is_long_too = inner

    def forward(self, x):
        return self.an_outer_name_that_is_long_too(x)


ODD = {
    "vectors": (nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)), torch.randn(9, 5)),
    "a single linear layer": (nn.Linear(5, 3), torch.randn(1, 5)),
    "no layer": (nn.Identity(), torch.randn(1, 2, 9, 9)),
    "volumes": (nn.Sequential(nn.Conv3d(1, 2, 3), nn.ReLU()), torch.randn(2, 1, 5, 5, 5)),
    "integers": (nn.Embedding(7, 3), torch.randint(0, 7, (8, 6))),
    "blank pictures": (nn.Sequential(nn.Conv2d(2, 2, 3), nn.ReLU()), torch.zeros(8, 2, 9, 9)),
    "single taps": (nn.Sequential(nn.Conv1d(1, 2, 1, stride=2)), torch.randn(8, 1, 8)),
    "a large kernel": (nn.Conv2d(1, 1, 31, padding=15), torch.randn(1, 1, 16, 12)),
    "a small grid": (nn.Conv2d(1, 2, 2), torch.randn(1, 1, 3, 2)),
    "transposed": (nn.Sequential(nn.ConvTranspose2d(1, 2, 4, 2, 1)), torch.randn(1, 1, 8, 8)),
    "long names": (Nested(), torch.randn(8, 1, 12)),
}


@pytest.mark.parametrize(("network", "x"), ODD.values(), ids=ODD)
def test_of_an_odd_network_or_input_there_is_a_page_too(network, x):
    found = explain(network, x)
    page = Page(found.page())
    assert page.unbalanced == []
    assert [attrs["id"] for attrs in page.all("section")] == SECTIONS
    assert "nan" not in page.words.get("text", "")
    json.dumps(found.json(), allow_nan=False)


def test_the_answer_comes_first_and_the_summary_behind_it():
    page = read(pictures_explained)
    assert page.words["h1"].startswith("net.py:digits decides for ")
    for sentence in pictures_explained().summary():
        assert sentence in page.words["li"]


def test_every_figure_has_a_title_and_a_caption():
    page = read(pictures_explained)
    assert len(page.all("figure")) == len(page.all("figcaption")) == len(page.all("h4")) > 20
    assert "Half lies within" in page.words["figcaption"]
    assert "Most weight" in page.words["figcaption"]


def test_every_drawing_says_what_it_shows():
    for explained in (pictures_explained, series_explained):
        drawings = read(explained).all("svg")
        assert drawings
        assert all(attrs.get("aria-label") for attrs in drawings)


def test_axes_have_units():
    words = read(pictures_explained).words["text"]
    for unit in ("cycles per sample", "samples", "pixels", "share of variance", "µs", "CKA", "nats"):
        assert unit in words or (unit == "µs" and " ms" in words)
    assert "power, relative to the largest" in words


def test_hostile_names_stay_words():
    one = pictures_explained()
    about = replace(
        one.about, name=ATTACK, against=ATTACK, source=ATTACK, classes=(ATTACK,) * 10, labels=(0,) * 12
    )
    layers = tuple(replace(layer, name=ATTACK) for layer in one.parts.receptive_fields.layers)
    seen = replace(one.parts.receptive_fields, layers=layers)
    alike = replace(one.parts.likeness, rows=(ATTACK,) * 4)
    parts = replace(one.parts, receptive_fields=seen, shift=LeftOut(ATTACK), likeness=alike)
    page = Page(replace(one, about=about, parts=parts).page())
    assert page.unbalanced == []
    assert len(page.all("script")) == 1
    assert not any("onerror" in attrs for _, attrs in page.elements)
    assert ATTACK in page.words["h1"]
    assert ATTACK in page.words["p"]


@CASES
def test_the_page_stands_alone_in_a_browser_on_a_desk_and_on_a_phone(explained, tmp_path):
    path = explained().write(tmp_path)
    assert path == tmp_path / "index.html"
    with browser(tmp_path / "profile") as window:
        window.open(path, 1200)
        desk = window.run(LOOK)
        times = window.run(SORT)
        window.open(path, 390)
        phone = window.run(LOOK)
        messages = window.messages()
    assert messages == []
    assert desk["drawings"] == phone["drawings"] == len(read(explained).all("svg"))
    assert times == sorted(times, reverse=True)
    for look in (desk, phone):
        assert look["empty"] == look["broken"] == look["sideways"] == 0
        assert look["loaded"] == []
        assert look["reached"]
        assert look["buttons"] >= 7  # the script ran, so its hash fits the policy
