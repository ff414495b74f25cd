"""Sentences where less is better: bits per character and relative errors, in each of their cases."""

from dataclasses import replace

import numpy as np
import pytest
from tests.compare.spoken import NONE, comparison, plain, standing, unmeasured
from tests.compare.synthetic import NINE, comparison_of, scored

from circulant.compare.choice import Timing, choose, frontier
from circulant.compare.findings import answer, chance, learning, run, sight, tradeoff
from circulant.compare.findings.words import example_noun, is_image
from circulant.compare.metric import ACCURACY, BITS, METRICS, RELATIVE_ERROR
from circulant.compare.page.tables import interval_scale, summary_table
from circulant.compare.page.tradeoff_plot import control_outside
from circulant.compare.records import CONTROL, Budget, BudgetUnit, CurvePoint, Trial
from circulant.compare.statistics import Pair, Statistics, statistics_of
from circulant.data.task import Task

# lower is better: A is ahead of B, B of C
A, B, C = (
    replace(standing("A", 2.0, 3.0), by_seed=(1.98, 2.02), low=1.99, high=2.01),
    replace(standing("B", 2.02, 5.0, 20.0), by_seed=(2.02, 2.02), low=2.01, high=2.03),
    replace(standing("C", 2.4, 9.0), by_seed=(2.4, 2.4), low=2.39, high=2.41),
)
FREE = replace(standing(CONTROL, 3.0, 2.0, 10.0), by_seed=(3.0, 3.0), low=2.9, high=3.1)
AHEAD = (("A", CONTROL), ("B", CONTROL), ("C", CONTROL))


def statistics(*standings, differing=(), metric=BITS):
    pairs = tuple(
        Pair(a.operator, b.operator, a.score - b.score, 0.001)
        if {a.operator, b.operator} in [set(names) for names in differing]
        else Pair(a.operator, b.operator, a.score - b.score, 0.8)
        for index, a in enumerate(standings)
        for b in standings[index + 1 :]
    )
    return Statistics(standings, pairs, (), metric)


def text(**options):
    return scored(comparison(**options), Task.NEXT_CHARACTER)


def fields(**options):
    return scored(comparison(**options), Task.FIELD)


def headline(found, of):
    return plain(str(answer.headline(of, found, choose(found))))


def stand_first(found, of):
    return plain(answer.stand_first(of, found, choose(found)))


def test_the_headline_names_bits_and_windows():
    assert headline(statistics(A, C, FREE, differing=AHEAD), text()) == (
        "On your data and this machine, take A: 2.000 bits per character (±0.010), 3.00 ms for 64 windows."
    )


def test_the_headline_names_errors_and_fields():
    low, high = (replace(one, score=one.score / 100, low=0.019, high=0.021) for one in (A, C))
    found = statistics(low, high, FREE, differing=AHEAD, metric=RELATIVE_ERROR)
    assert headline(found, fields()) == (
        "On your data and this machine, take A: 2.00 % relative error (±0.10), 3.00 ms for 64 fields."
    )
    assert plain(answer.headline(fields(), found, choose(found)).short) == "A, 2.00 %"


def test_a_faster_operator_with_few_more_bits_is_offered_and_one_with_many_is_not():
    slow = replace(A, profile=replace(standing("A", 2.0, 10.0).profile))
    near, far = replace(B, score=2.04), replace(B, score=2.05)
    differing = [*AHEAD, ("A", "B")]
    assert headline(statistics(slow, near, FREE, differing=differing), text()).endswith(
        " B reaches 2.040 bits in 50 % of that time."
    )
    assert "B" not in headline(statistics(slow, far, FREE, differing=differing), text())
    trains = statistics(A, near, FREE, differing=differing)
    assert headline(trains, text()).endswith(" B reaches 2.040 bits and trains in 67 % of the time.")


def test_no_gain_over_the_control_is_said_in_bits():
    assert headline(statistics(A, C, FREE), text()) == (
        "On your data, no operator is clearly better than none. The same network without any reaches 3.000 "
        "bits in 2.00 ms for 64 windows; A reaches 2.000 bits (±0.010) in 3.00 ms for 64 windows."
    )


def test_an_operator_with_more_bits_than_the_control_does_not_beat_it():
    worse = replace(A, score=3.5, low=3.4, high=3.6)
    found = statistics(FREE, worse, differing=[("A", CONTROL)])
    assert not choose(found).any_beats_control
    assert "without any operator is even clearly better than A." in stand_first(found, text())
    assert chance.chance(found, choose(found)).endswith("; no operator is clearly better than the control.")


@pytest.mark.parametrize(
    ("metric", "word"), [(BITS, "better"), (RELATIVE_ERROR, "more accurate"), (ACCURACY, "more accurate")]
)
def test_the_leader_is_better_or_more_accurate(metric, word):
    standings = (A, C, FREE) if metric.lower_is_better else (standing("A", 0.9), standing("C", 0.8), NONE)
    found = statistics(*standings, differing=[*AHEAD, ("A", "C")], metric=metric)
    assert stand_first(found, text()).startswith(f"A is {word} than every other operator by more than chance")


@pytest.mark.parametrize(
    ("metric", "all_tied", "some_tied"),
    [
        (
            BITS,
            "too close in bits per character to tell",
            "too close to the fewest bits per character to tell",
        ),
        (
            RELATIVE_ERROR,
            "too close in relative error to tell",
            "too close to the smallest relative error to",
        ),
    ],
)
def test_ties_are_named_by_the_metric(metric, all_tied, some_tied):
    found = statistics(A, B, FREE, differing=AHEAD, metric=metric)
    assert all_tied in stand_first(found, text())
    some = statistics(A, B, C, FREE, differing=[*AHEAD, ("A", "C")], metric=metric)
    assert some_tied in stand_first(some, text())
    blind = statistics(unmeasured(A), unmeasured(B), FREE, differing=AHEAD, metric=metric)
    assert f"Of these A is the {metric.best}." in stand_first(blind, text())


def test_seeds_matter_where_another_operator_lies_within_their_range():
    wide = replace(A, by_seed=(1.9, 2.1))
    differing = [*AHEAD, ("A", "B"), ("A", "C")]
    assert stand_first(statistics(wide, B, FREE, differing=differing), text()).endswith(
        "those of A range from 1.900 bits to 2.100 bits, so that other seeds may change the order."
    )
    assert "Seeds matter" not in stand_first(statistics(wide, C, FREE, differing=differing), text())


def test_facts_ask_for_the_fewest_bits():
    found = answer.facts(statistics(A, B, C))
    assert found[0].question == "Fewest bits per character" and plain(found[0].value) == "2.000 bits, 3.00 ms"
    assert plain(found[2].value) == "20.0 ms, 2.020 bits"
    errors = answer.facts(statistics(A, B, metric=RELATIVE_ERROR))
    assert errors[0].question == "Smallest relative error"


def test_the_trade_off_in_each_case():
    single = statistics(A, C, FREE)
    cheap = replace(C, profile=standing("C", 0.5, 1.0, 5.0).profile)
    dear = replace(A, profile=standing("A", 0.5, 10.0, 50.0).profile)
    assert "In the forward pass, A is both the fastest and the best." in tradeoff.tradeoff(
        statistics(A, replace(B, profile=standing("B", 0.5, 5.0, 20.0).profile))
    )
    assert tradeoff.tradeoff(single) == "There is no trade-off: A is the best and the fastest, in both times."
    bits = tradeoff.tradeoff(statistics(dear, cheap))
    assert bits.startswith("In the forward pass, fewer bits cost more time throughout, from C to A.")
    errors = tradeoff.tradeoff(statistics(dear, cheap, metric=RELATIVE_ERROR))
    assert "a smaller error costs more time throughout, from C to A." in errors
    assert [one.operator for one in frontier(statistics(dear, B, cheap), Timing.FORWARD)] == ["C", "B", "A"]
    assert plain(tradeoff.frontier_description(single, Timing.FORWARD)) == (
        "Scatter of bits per character against time of one forward pass. Frontier from fast to good: "
        "A 2.000 bits in 3.00 ms. The summary table holds the same figures."
    )


def test_a_control_with_far_more_bits_lies_outside_of_the_frame():
    assert control_outside(statistics(A, B, FREE))
    assert not control_outside(statistics(A, C, replace(FREE, score=2.4)))
    assert plain(tradeoff.tradeoff_note(statistics(A, FREE), outside=True, unnamed=False)).endswith(
        "The control lies below the frame: 3.000 bits, 2.00 ms forward, 10.0 ms a training step."
    )


def test_verdicts_and_notes_speak_in_the_unit():
    found = statistics(A, C, FREE, differing=[("A", "C")])
    assert [plain(chance.verdict(found, one)) for one in found.standings] == [
        "best",
        "+0.400 bits",
        "no clear difference",
    ]
    errors = replace(found, metric=RELATIVE_ERROR)
    assert plain(chance.verdict(errors, C)) == "+40.00 points"
    certain = statistics(replace(A, low=2.0, high=2.0))
    assert "every draw gave the same bits per character" in chance.interval_note(text(), certain)
    note = chance.significance_note(text(), found)
    assert "20 windows of the test set, each scored by its bits per character, averaged over seeds" in note
    assert "predicted by these trained networks. Windows of one text are alike, so that the test" in note
    errors_note = chance.significance_note(fields(), errors)
    assert "the 20 fields of the test set, each scored by its relative error, averaged over" in errors_note
    assert "are alike" not in errors_note


def test_none_told_from_the_best():
    assert chance.chance(statistics(A, B), choose(statistics(A, B))).startswith(
        "None of the operators can be told from the best with these data."
    )


def curves_of(*rows, task=Task.NEXT_CHARACTER):
    whole = scored(comparison(seeds=1, operators=len(rows)), task)
    trials = tuple(
        Trial("ABC"[i], 0, (), tuple(CurvePoint(e + 1, e, 0.1, s) for e, s in enumerate(row)), 1, None)
        for i, row in enumerate(rows)
    )
    settings = replace(whole.settings, budget=Budget(9, BudgetUnit.EPOCHS))
    return learning.learning_of(replace(whole, trials=trials, settings=settings), "ABC")


def test_levels_of_bits_are_reached_from_above():
    curves = curves_of([4.0, 2.05], [4.0, 2.31], [4.0, 3.0])
    assert learning.common_level(curves) == 2.4
    captions = [plain(learning.learning_caption(one, 2.4, BudgetUnit.EPOCHS)) for one in curves]
    assert captions == ["2.4 bits in epoch 2", "2.4 bits in epoch 2", "never 2.4 bits"]
    (hopeless,) = curves_of([20.0, 9.5])
    assert learning.common_level([hopeless]) is None
    assert plain(learning.learning_caption(hopeless, None, BudgetUnit.EPOCHS)) == "9.500 bits at the end"


def test_levels_of_errors_are_round_percents():
    curves = curves_of([0.4, 0.014], task=Task.FIELD)
    assert plain(learning.learning_caption(curves[0], learning.common_level(curves), BudgetUnit.EPOCHS)) == (
        "1.5 % in epoch 2"
    )


@pytest.mark.parametrize(
    ("task", "rows", "expected"),
    [
        (Task.NEXT_CHARACTER, ([2.0, 1.99],), "No operator gained more than 0.02 bits between its last two"),
        (
            Task.NEXT_CHARACTER,
            ([2.0, 1.9], [2.0, 2.1]),
            "A still gained more than 0.02 bits between the last",
        ),
        (Task.FIELD, ([0.2, 0.1], [0.2, 0.1]), "Every operator still gained more than 0.2 points between"),
        (Task.FIELD, ([0.2],), "There was one evaluation only"),
    ],
)
def test_falling_scores_count_as_still_learning(task, rows, expected):
    assert learning.more_training(curves_of(*rows, task=task)).startswith(expected)


def test_the_learning_section_says_that_lower_is_better():
    assert plain(learning.learning_intro(text())) == (
        "Bits per character on the test windows during training; lower is better."
    )
    assert plain(learning.learning_intro(fields())) == (
        "Relative error on the test fields during training, in %; lower is better. The scale is logarithmic."
    )
    assert learning.learning_note(fields()).endswith("no moment was picked by its test relative error.")


def test_data_are_described_by_task():
    rows = {row.name: plain(row.text) for row in run.data_rows(text())}
    assert rows["Data"] == "MNIST-5k, windows of 256 characters, 3 different" and "Classes" not in rows
    assert rows["Guessing"] == "4.400 bits by how often each character stands in the training part"
    assert rows["Split"] == "80 to train, 20 to test"
    rows = {row.name: plain(row.text) for row in run.data_rows(fields())}
    assert rows["Data"] == "MNIST-5k, fields on 32 × 32 points" and "Classes" not in rows
    assert rows["Guessing"] == "440.00 % by always answering the mean field of the training part"
    several = replace(fields(), data=replace(fields().data, shape=(2, 64)))
    assert run.data_rows(several)[0].text == "MNIST-5k, fields on 64 points in 2 channels"


def test_nothing_is_right_or_wrong_and_no_field_is_drawn_as_an_image():
    assert run.hard_note(text(), False) == "" and run.all_right(fields()) == ""
    assert not is_image(fields().data)
    assert (example_noun(text().data).plural, example_noun(fields().data).plural) == ("windows", "fields")


def test_the_drawing_names_the_parts_around_the_blocks():
    assert run.diagram_description(text()).startswith("window, embedding, 4 blocks, head. ")
    assert run.diagram_description(fields()).startswith("field, lift, 4 blocks, projection. ")


def test_causal_operators_are_said_to_see_nothing_ahead():
    assert sight.sight_intro(True, causal=True).endswith("every operator is causal.")
    assert "ahead" not in sight.sight_intro(True)


def test_scores_are_ranked_and_paired_from_below():
    whole = scored(comparison_of(NINE[:3], examples=200), Task.NEXT_CHARACTER)
    found = statistics_of(whole)
    scores = [one.score for one in found.standings]
    assert scores == sorted(scores) and found.metric is BITS
    first = found.standings[0]
    mine = [trial.scores for trial in whole.trials if trial.operator == first.operator]
    assert first.score == pytest.approx(np.mean(mine)) and first.low < first.score < first.high
    assert first.by_seed == pytest.approx([np.mean(row) for row in mine])
    assert found.ahead(found.pair(first.operator, CONTROL))
    assert not found.ahead(found.pair(CONTROL, first.operator))


def test_the_summary_of_text_has_the_characters_right_and_sorts_bits_upwards():
    found = statistics_of(scored(comparison_of(NINE[:3], examples=200), Task.NEXT_CHARACTER))
    table = summary_table(found, choose(found), example_noun(text().data))
    assert [header.text for header in table.headers[:3]] == [
        "Bits per character",
        "Against the best",
        "Characters right",
    ]
    assert not table.headers[0].descending and plain(table.lines[0].cells[2].text) == "98.0 %"
    assert [line.cells[0].tone.value for line in table.lines] == ["best", "", "", ""]
    errors = statistics_of(scored(comparison_of(NINE[:3], examples=200), Task.FIELD))
    headers = summary_table(errors, choose(errors), example_noun(fields().data)).headers
    assert "Characters right" not in [header.text for header in headers]


def test_the_ends_of_the_scale_are_round():
    assert interval_scale((A, C), BITS) == (1.9, 2.5)
    error = replace(A, low=0.0123, high=0.0461)
    assert interval_scale((error,), RELATIVE_ERROR) == (0.01, 0.05)


def test_every_task_has_a_metric():
    assert set(METRICS) == set(Task)
    assert all(
        sorted(one.levels, reverse=not one.lower_is_better) == list(one.levels) for one in METRICS.values()
    )
