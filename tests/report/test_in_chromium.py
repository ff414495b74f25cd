"""The report in a real browser."""

from tests.compare.synthetic import NINE, comparison_of, papers
from tests.report.chromium import browser

from circulant.compare.page import write_report

LOOK = """
const shown = (one) => one.getClientRects().length > 0;
return {
  tables: document.querySelectorAll("table").length,
  drawings: [...document.querySelectorAll("svg")].filter(shown).length,
  wide: [...document.querySelectorAll("svg.wide")].filter(shown).length,
  narrow: [...document.querySelectorAll("svg.narrow")].filter(shown).length,
  broken: [...document.images].filter((image) => !image.naturalWidth).length,
  buttons: document.querySelectorAll("th button").length,
  loaded: performance.getEntriesByType("resource").map((one) => one.name).filter((n) => !/^data:/.test(n)),
  sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
};
"""
SORT = """
const head = [...document.querySelectorAll("#summary th")].find((th) => th.textContent.startsWith("Forward"));
head.querySelector("button").click();
return {
  order: [...document.querySelectorAll("#summary tbody th")].map((th) => th.dataset.value),
  direction: head.getAttribute("aria-sort"),
  said: document.getElementById("said").textContent,
};
"""


def test_the_report_stands_alone_in_a_browser_on_a_desk_and_on_a_phone(tmp_path):
    path = tmp_path / "index.html"
    write_report(comparison_of(NINE, examples=300), path, papers())
    with browser(tmp_path / "profile") as window:
        window.open(path, 1200)
        desk = window.run(LOOK)
        sorted_ = window.run(SORT)
        window.open(path, 390)
        phone = window.run(LOOK)
        messages = window.messages()
    assert messages == []
    assert desk["tables"] == phone["tables"] == 3
    assert desk["drawings"] == phone["drawings"] > 60
    assert (desk["wide"], desk["narrow"]) == (phone["narrow"], phone["wide"]) == (4, 0)
    assert desk["buttons"] == 14  # the script ran, so its hash fits the policy
    for look in (desk, phone):
        assert look["broken"] == 0
        assert look["loaded"] == []
        assert look["sideways"] == 0
    by_time = [spec.name for spec in sorted(NINE, key=lambda spec: spec.forward_ms)]
    assert sorted_["order"] == [*by_time, "control"]
    assert sorted_["direction"] == "ascending"
    assert sorted_["said"] == "Sorted by Forward, ascending"
