"""What the template needs for each part of the page. A part without data is None and is left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from circulant.compare.choice import Choice, Timing
from circulant.compare.findings import chance as chance_words
from circulant.compare.findings import cost as cost_words
from circulant.compare.findings import learning as learning_words
from circulant.compare.findings import run as run_words
from circulant.compare.findings import sight as sight_words
from circulant.compare.findings import tradeoff as tradeoff_words
from circulant.compare.findings.words import budget_words, example_noun, is_image, shown_name
from circulant.compare.page.backbone_diagram import backbone_diagram
from circulant.compare.page.csv_tables import curves_csv, operators_csv, pairs_csv
from circulant.compare.page.example_picture import example_picture, is_chalk
from circulant.compare.page.learning_plot import learning_axes, learning_panel
from circulant.compare.page.matrix import matrix_rows
from circulant.compare.page.ranking_plot import ranking_plot
from circulant.compare.page.sight_cards import sight_cards
from circulant.compare.page.tables import cost_table, in_table_order, interval_scale, summary_table
from circulant.compare.page.tradeoff_plot import control_outside, some_unnamed, tradeoff_plot
from circulant.compare.page.width import Width
from circulant.compare.records import Comparison, HardExample
from circulant.compare.statistics import Statistics
from circulant.core.card import Paper
from circulant.data.task import Task
from circulant.report.csv_text import csv_uri
from circulant.report.fragment import Fragment, join
from circulant.report.numbers import percent
from circulant.report.png import ramp_uri

Content = dict[str, Any]  # jinja takes names, so this one place holds a plain mapping


@final
@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its title; wide and narrow drawings where it has both."""

    title: str
    picture: Fragment
    aside: str = ""
    picked: bool = False


def summary(comparison: Comparison, statistics: Statistics, choice: Choice | None) -> Content:
    noun = example_noun(comparison.data)
    if not statistics.standings:
        return {"summary": None, "cost": None}
    return {
        "summary": summary_table(statistics, choice, noun),
        "budget": budget_words(comparison.settings.budget),
        "scale_ends": _scale_ends(statistics),
        "order": "ascending" if statistics.metric.lower_is_better else "descending",
        "interval_note": chance_words.interval_note(comparison, statistics),
        "cost": cost_table(statistics, choice, noun),
        "cost_intro": cost_words.cost_intro(noun),
        "cost_note": cost_words.cost_note(statistics.operators),
    }


def _scale_ends(statistics: Statistics) -> tuple[str, str]:
    metric = statistics.metric
    low, high = interval_scale(statistics.standings, metric)
    return metric.round(low), metric.round(high)


def tradeoff(comparison: Comparison, statistics: Statistics, choice: Choice | None) -> Content:
    measured = [standing for standing in statistics.operators if standing.profile]
    if choice is None or not measured or len(statistics.operators) == 1:
        return {"tradeoff": None}  # one operator has nothing to be traded against
    batch = measured[0].profile.batch if measured[0].profile else 0
    where = example_noun(comparison.data).counted(batch)
    figures = [
        Figure(
            f"{timing.value.capitalize()}, {where}",
            join(tradeoff_plot(statistics, choice, timing, width) for width in Width),
        )
        for timing in Timing
    ]
    return {
        "tradeoff": figures,
        "tradeoff_title": f"{statistics.metric.title} against time",
        "tradeoff_intro": tradeoff_words.tradeoff(statistics),
        "tradeoff_note": tradeoff_words.tradeoff_note(
            statistics, control_outside(statistics), some_unnamed(statistics)
        ),
    }


MATRIX_UNITS = {
    Task.CLASSIFICATION: "percentage points",
    Task.NEXT_CHARACTER: "bits per character, where less is better",
    Task.FIELD: "percentage points of relative error, where less is better",
}


def chance(comparison: Comparison, statistics: Statistics, choice: Choice | None) -> Content:
    if choice is None or not statistics.pairs:
        return {"ranking": None}
    return {
        "ranking": join(ranking_plot(statistics, choice, width) for width in Width),
        "chance_intro": chance_words.chance(statistics, choice),
        "several_seeds": len(comparison.settings.seeds) > 1,
        "matrix": matrix_rows(statistics),
        "matrix_unit": MATRIX_UNITS[comparison.data.task],
        "significance_note": chance_words.significance_note(comparison, statistics),
    }


def learning(comparison: Comparison, statistics: Statistics) -> Content:
    order = in_table_order(statistics)
    curves = learning_words.learning_of(comparison, [standing.operator for standing in order])
    if not curves:
        return {"learning": None}
    axes = learning_axes(curves, comparison.data.test_size)
    level = learning_words.common_level(curves)
    unit = comparison.settings.budget.unit
    panels = [
        Figure(
            shown_name(one.operator),
            learning_panel(one, curves, axes),
            learning_words.learning_caption(one, level, unit),
        )
        for one in curves
    ]
    return {
        "learning": panels,
        "learning_intro": learning_words.learning_intro(comparison),
        "more_training": learning_words.more_training(curves),
        "learning_note": learning_words.learning_note(comparison),
    }


def sight(comparison: Comparison, statistics: Statistics) -> Content:
    seen = sight_words.seen_by(comparison, [standing.operator for standing in statistics.operators])
    if not seen:
        return {"sight": None}
    one_axis = seen[0].sight.receptive_field.share.shape[0] == 1
    return {
        "sight": sight_cards(seen),
        "sight_intro": sight_words.sight_intro(one_axis, comparison.data.task is Task.NEXT_CHARACTER),
        "sight_note": sight_words.sight_note(seen),
        "ramp": None if one_axis else ramp_uri(),
    }


@final
@dataclass(frozen=True, slots=True)
class Hard:
    """A misread test example as the page shows it."""

    picture: Fragment
    label: str
    guesses: str
    wrong: str


def run(comparison: Comparison, statistics: Statistics) -> Content:
    return {
        "diagram": join(backbone_diagram(comparison, width) for width in Width),
        "data_rows": run_words.data_rows(comparison),
        "training_rows": run_words.training_rows(comparison),
        "machine_rows": run_words.machine_rows(comparison),
        "version_rows": run_words.version_rows(comparison),
        "hard": [_hard(example, comparison) for example in comparison.hard_examples],
        "hard_title": run_words.hard_title(comparison),
        "hard_note": run_words.hard_note(comparison, _any_chalk(comparison)),
        "downloads": (
            ("operators.csv", "operators", csv_uri(operators_csv(statistics))),
            ("pairs.csv", "pairs with p-values", csv_uri(pairs_csv(statistics))),
            ("curves.csv", "learning curves", csv_uri(curves_csv(comparison))),
        ),
    }


def _any_chalk(comparison: Comparison) -> bool:
    return is_image(comparison.data) and any(map(is_chalk, comparison.hard_examples))


def _hard(example: HardExample, comparison: Comparison) -> Hard:
    return Hard(
        example_picture(example, comparison.data),
        comparison.data.classes[example.label],
        run_words.hard_guesses(example, comparison.data.classes),
        f"wrong in {percent(example.wrong_share, 0)} of runs",
    )


@final
@dataclass(frozen=True, slots=True)
class Citation:
    """One operator and where it comes from."""

    name: str
    papers: tuple[Paper, ...]


METHODS = (
    Citation(
        "Receptive field",
        (
            Paper(
                "Luo et al.",
                2016,
                "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks",
                "https://arxiv.org/abs/1701.04128",
            ),
        ),
    ),
    Citation(
        "Comparing classifiers",
        (
            Paper(
                "Demšar",
                2006,
                "Statistical Comparisons of Classifiers over Multiple Data Sets",
                "https://www.jmlr.org/papers/v7/demsar06a.html",
            ),
        ),
    ),
)


def papers(comparison: Comparison, known: Mapping[str, tuple[Paper, ...]]) -> Content:
    cited = [Citation(name, known[name]) for name in comparison.settings.operators if known.get(name)]
    return {"papers": [*cited, *METHODS]}
