"""The report as a browser would read it: complete, offline, and safe from hostile names."""

import csv
from base64 import b64decode
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from io import StringIO

import numpy as np
import pytest
from tests.compare.synthetic import HOSTILE, NINE, NOTHING, Spec, comparison_of, papers, renamed

from circulant.compare.choice import Timing, choose, frontier
from circulant.compare.page import render_report, write_report
from circulant.compare.page.example_picture import is_chalk
from circulant.compare.page.tradeoff_plot import plot_labels
from circulant.compare.page.width import Width
from circulant.compare.records import CONTROL, Failure, HardExample
from circulant.compare.statistics import statistics_of
from circulant.core.card import Paper
from circulant.report.policy import source_hash

ATTACK = "</script><img src=x onerror=alert(1)>"
VOID = {"meta", "link", "img", "br", "wbr", "line", "circle", "rect", "path", "image"}


class Page(HTMLParser):
    """Tags, attributes, words by tag, and whether every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.words, self.unbalanced = [], [], {}, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        for tag in set(self.open):
            self.words[tag] = self.words.get(tag, "") + data

    def all(self, tag, **attributes):
        found = [attrs for name, attrs in self.elements if name == tag]
        return [a for a in found if all(a.get(k.rstrip("_")) == v for k, v in attributes.items())]

    @property
    def ids(self):
        return {attrs["id"] for _, attrs in self.elements if "id" in attrs}


def small(**options):
    return comparison_of(NINE[:3], examples=60, shape=(1, 8, 8), epochs=2, hard=2, **options)


@cache
def nine():
    return Page(render_report(comparison_of(NINE, examples=300), papers()))


def read(comparison, **options):
    return Page(render_report(comparison, **options))


def test_the_page_is_well_formed_with_every_part():
    page = nine()
    assert page.unbalanced == []
    assert page.open == []
    parts = ["summary", "tradeoff", "chance", "learning", "sight", "cost", "run", "repeat", "papers"]
    assert [attrs["id"] for attrs in page.all("section")] == parts
    links = [attrs["href"] for attrs in page.all("a") if attrs["href"].startswith("#")]
    assert {link[1:] for link in links} == {"answer", *parts}


def test_every_reference_inside_the_page_resolves():
    page = nine()
    for _, attrs in page.elements:
        if "aria-labelledby" in attrs:
            assert attrs["aria-labelledby"] in page.ids


def test_the_title_carries_the_answer():
    assert nine().words["title"].startswith("DepthwiseConv, 97.")
    assert nine().words["title"].endswith(f" – {HOSTILE} – circulant compare")


def test_nothing_is_loaded_from_outside():
    page = nine()
    known = {paper.url for listed in papers().values() for paper in listed}
    methods = {"https://arxiv.org/abs/1701.04128", "https://www.jmlr.org/papers/v7/demsar06a.html"}
    outside = set()
    for tag, attrs in page.elements:
        for name in ("src", "href", "xlink:href", "action", "srcset", "data", "poster"):
            value = attrs.get(name)
            if value is None or value.startswith(("data:", "#")):
                continue
            assert (tag, name) == ("a", "href")
            outside.add(value)
    assert outside == known | methods
    style = page.words["style"]
    assert "url(" not in style
    assert "@import" not in style


def test_the_policy_matches_the_one_script_and_the_one_style():
    page = nine()
    (meta,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert f"script-src {source_hash(page.words['script'])};" in meta["content"]
    assert f"style-src {source_hash(page.words['style'])};" in meta["content"]
    assert meta["content"].startswith("default-src 'none'; img-src data:;")


def test_no_element_carries_style_or_script_of_its_own():
    for _, attrs in nine().elements:
        assert "style" not in attrs
        assert not any(name.startswith("on") for name in attrs)


@pytest.mark.parametrize("attack", [HOSTILE, ATTACK, '" onload="alert(1)', "{{ 7 * 7 }}", "<!--", "=1+1"])
def test_hostile_words_appear_literally_everywhere(attack):
    comparison = renamed(small(title=attack, failures=(Failure("Conv", 0, attack),)), "DepthwiseConv", attack)
    data = replace(
        comparison.data, name=attack, origin=attack, classes=(attack, *comparison.data.classes[1:])
    )
    page = read(
        replace(comparison, data=data), papers={attack: (Paper(attack, 2020, attack, "https://x.org"),)}
    )
    assert page.unbalanced == []
    for tag in ("title", "h1", "table", "h4", "dd", "li", "code"):
        assert attack in page.words[tag], tag
    assert not [attrs for attrs in page.all("img") if attrs["src"] == "x"]
    assert len(page.all("script")) == 1
    assert not page.all("small", src="x")


def test_the_summary_is_sortable_with_the_control_last():
    page = nine()
    assert sum("data-sortable" in attrs for attrs in page.all("table")) == 2
    rows = [attrs.get("class") for tag, attrs in page.elements if tag == "tr"]
    assert rows.count("pick") == 2  # summary and cost
    assert rows.count("control") == 2
    sorted_by = [attrs for attrs in page.all("th") if "aria-sort" in attrs]
    assert [attrs["aria-sort"] for attrs in sorted_by] == ["descending"]


def test_the_control_is_never_marked_best():
    text = render_report(small())
    for row in text.split("<tr")[1:]:
        if row.startswith(' class="control"'):
            assert "(best)" not in row.split("</tr>")[0]
    assert "(best)" in text


def test_ties_at_the_printed_precision_are_all_best():
    specs = (Spec("A", 0.9, 5.001), Spec("B", 0.8, 5.004), Spec("C", 0.7, 5.1))
    text = render_report(comparison_of(specs, examples=100, shape=(1, 4, 4), epochs=1, hard=0))
    summary = text.split('id="summary"')[1].split("</section>")[0]
    assert summary.count('<span class="n">5.00</span><span class="vh"> (best)</span>') == 2


def test_every_drawing_is_described_or_hidden():
    drawings = nine().all("svg")
    assert len(drawings) > 60
    for attrs in drawings:
        assert attrs.get("aria-hidden") == "true" or len(attrs["aria-label"]) > 10


def test_wide_figures_have_a_narrow_twin():
    classes = [attrs.get("class") for attrs in nine().all("svg")]
    assert classes.count("wide") == classes.count("narrow") == 4  # two trade-offs, ranking, network


def test_scrolling_tables_are_reachable_by_keyboard():
    regions = nine().all("div", class_="scroll")
    assert len(regions) == 3
    assert all(attrs["tabindex"] == "0" and attrs["role"] == "region" for attrs in regions)


def downloads(page):
    tables = {}
    for attrs in page.all("a"):
        if "download" in attrs:
            text = b64decode(attrs["href"].split(",", 1)[1]).decode("utf-8-sig")
            tables[attrs["download"]] = list(csv.DictReader(StringIO(text, newline="")))
    return tables


def test_the_figures_are_inside_as_csv():
    comparison = small()
    tables = downloads(read(comparison))
    found = statistics_of(comparison)
    rows = tables["operators.csv"]
    assert [row["operator"] for row in rows] == [one.operator for one in found.standings]
    assert float(rows[0]["accuracy"]) == found.standings[0].score
    assert float(rows[0]["forward_s"]) == found.standings[0].profile.forward.median
    assert len(tables["pairs.csv"]) == len(found.pairs) == 6
    assert len(tables["curves.csv"]) == sum(len(trial.curve) for trial in comparison.trials)


def test_the_csv_is_safe_to_open():
    rows = downloads(read(renamed(small(), "DepthwiseConv", "=cmd|' /C calc'!A0")))["operators.csv"]
    assert "'=cmd|' /C calc'!A0" in [row["operator"] for row in rows]


@pytest.mark.parametrize("width", list(Width))
@pytest.mark.parametrize("timing", list(Timing))
@pytest.mark.parametrize("count", [2, 9])
def test_names_in_the_trade_off_do_not_overlap(width, timing, count):
    statistics = statistics_of(comparison_of(NINE[:count], examples=300))
    labels = plot_labels(statistics, timing, width)
    assert len(labels) >= count  # the control may lie outside of the frame
    for label in labels:
        assert not any(label.box.overlaps(other.box) for other in labels if other is not label)
        assert not any(label.box.overlaps(other.point.box()) for other in labels)


@pytest.mark.parametrize("width", list(Width))
def test_of_twenty_operators_those_on_the_frontier_are_named(width):
    specs = tuple(Spec(f"LongOperatorName{i}", 0.95 - 0.004 * i, 5 + i % 7) for i in range(20))
    statistics = statistics_of(comparison_of(specs, examples=300))
    labels = plot_labels(statistics, Timing.FORWARD, width)
    for best in frontier(statistics, Timing.FORWARD):
        assert any(label.point.first and best.operator[-2:] in label.point.name for label in labels)
    for label in labels:
        assert not any(label.box.overlaps(other.box) for other in labels if other is not label)


def test_series_are_drawn_as_lines():
    comparison = comparison_of(NINE[:2], examples=60, shape=(2, 144), classes=("walk", "run"), hard=3)
    page = read(comparison)
    assert len(page.all("svg", class_="series")) == 3
    assert len(page.all("article", class_="card one-axis")) == 2
    assert not page.all("img")


def test_series_with_gaps_and_flat_series_are_drawn():
    comparison = comparison_of(NINE[:1], examples=60, shape=(2, 30), hard=1)
    pixels = np.full((2, 30), np.nan, dtype=np.float32)
    pixels[0, 3:9] = 1.0
    hard = replace(comparison.hard_examples[0], pixels=pixels)
    text = render_report(replace(comparison, hard_examples=(hard,)))
    assert "nan" not in text.split('class="series"')[1].split("</svg>")[0]


def test_light_strokes_on_an_empty_ground_become_ink():
    ink = np.zeros((8, 8), np.float32)
    ink[2:4, 2:5] = 0.9
    example = HardExample(0, 0, ink, 0.9, (1,))
    assert is_chalk(example)
    assert not is_chalk(replace(example, pixels=1 - ink))
    assert not is_chalk(replace(example, pixels=np.zeros((8, 8, 3), np.float32)))
    text = render_report(replace(small(), hard_examples=(example,)))
    assert "Light strokes on a dark ground are shown as ink on paper." in text
    assert 'class="ink"' in text


def test_one_operator_has_no_trade_off():
    page = read(comparison_of(NINE[:1], examples=600, seeds=1, hard=0))
    assert "tradeoff" not in page.ids
    assert "chance" in page.ids
    assert "It is the only operator in this comparison." in page.words["h1"]


def test_a_failed_operator_is_listed_with_its_message():
    failures = tuple(Failure("Broken2d", seed, "ShapeError: no <b>") for seed in range(3))
    page = read(small(failures=failures))
    assert "Broken2d, seed 1: ShapeError: no <b>" in page.words["ul"]
    assert "Broken2d is missing, because every run failed." in page.words["p"]


def test_a_comparison_without_a_control_is_shown():
    page = read(comparison_of(NINE[:2], None, examples=60))
    assert "did not finish" in page.words["p"]
    assert page.unbalanced == []


@pytest.mark.parametrize("trials", ["none", "control only"])
def test_a_comparison_in_which_nothing_finished_is_still_a_page(trials):
    comparison = small()
    kept = tuple(trial for trial in comparison.trials if trial.operator == CONTROL and trials != "none")
    failures = tuple(Failure(name, 0, "boom") for name in comparison.settings.operators)
    page = read(replace(comparison, trials=kept, failures=failures, hard_examples=()))
    assert page.words["h1"] == "No operator finished training, so there is nothing to recommend."
    assert page.words["title"].startswith("No result")
    assert {"run", "repeat", "papers"} <= page.ids
    assert ("summary" in page.ids) == bool(kept)
    assert page.unbalanced == []


def test_without_timings_the_page_stands():
    page = read(replace(small(), profiles=()))
    assert "tradeoff" not in page.ids
    assert page.unbalanced == []


def test_operators_that_beat_nothing_are_not_recommended():
    text = render_report(comparison_of(NINE[:2], replace(NOTHING, accuracy=0.978), examples=60))
    assert "no operator is clearly better than none" in text
    assert "take this" not in text


def test_perfect_and_hopeless_accuracies_are_drawn():
    for accuracy in (1.0, 0.0):
        specs = (Spec("A", accuracy), Spec("B", accuracy))
        page = read(
            comparison_of(specs, replace(NOTHING, accuracy=accuracy), examples=40, spread=0, epochs=1)
        )
        assert page.unbalanced == []


def test_seconds_and_epochs_are_both_budgets_and_ten_seeds_fit():
    page = read(comparison_of(NINE[:2], examples=60, seeds=10, epochs=1))
    assert "for the same 1 epoch." in page.words["p"]
    assert "small upright ticks are single seeds" in page.words["p"]


def test_the_file_is_written_whole(tmp_path):
    comparison = small()
    path = tmp_path / "report" / "index.html"
    write_report(comparison, path, papers())
    assert path.read_text("utf-8") == render_report(comparison, papers())
    assert choose(statistics_of(comparison)).pick.operator in path.read_text("utf-8")
