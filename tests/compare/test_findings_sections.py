"""The sentences of the sections: chance, learning, sights, runs, data."""

from dataclasses import replace

import numpy as np
import pytest
from tests.compare.spoken import (
    AHEAD,
    NONE,
    A,
    B,
    C,
    comparison,
    plain,
    standing,
    statistics,
    unmeasured,
)
from tests.compare.synthetic import NINE, comparison_of, sight_of

from circulant.compare.choice import choose
from circulant.compare.findings import answer, chance, cost, learning, run, sight
from circulant.compare.findings.words import IMAGE, OPERATOR, count_word, listing, shown_name
from circulant.compare.records import CONTROL, Budget, BudgetUnit, CurvePoint, Failure, HardExample, Trial
from circulant.compare.statistics import statistics_of
from circulant.explain.frequency_response import BINS, FrequencyResponse
from circulant.explain.receptive_field import ReceptiveField


def said_of_chance(found):
    return chance.chance(found, choose(found))


def test_chance_counts_pairs_and_places_the_control():
    assert said_of_chance(statistics(A, B, C, NONE, differing=AHEAD)) == (
        "None of the operators can be told from the most accurate with these data. "
        "Of 6 pairs, 3 differ by more than chance would give; the control is behind every operator."
    )


@pytest.mark.parametrize(
    ("standings", "differing", "expected"),
    [
        ((A, B, C), [("A", "C")], "The top two cannot be ordered with these data. Of 3 pairs, 1 differs by"),
        ((A, B, C), [("A", "C"), ("A", "B")], "A is ahead of every other operator. Of 3 pairs, 2 differ by"),
        (
            (A, NONE),
            [("A", CONTROL)],
            "The one pair differs by more than chance would give; the control is behind it.",
        ),
        (
            (A, NONE),
            [],
            "The one pair does not differ by more than chance would give; no operator is clearly",
        ),
        (
            (A, B, NONE),
            [],
            "None of the 3 pairs differs by more than chance would give; no operator is clearly",
        ),
        ((A, B, NONE), [("A", CONTROL)], "; 1 of 2 operators is clearly better than the control."),
        ((A, B, C, NONE), AHEAD[:2], "; 2 of 3 operators are clearly better than the control."),
        ((A,), [], ""),
    ],
)
def test_chance_in_its_other_cases(standings, differing, expected):
    found = said_of_chance(statistics(*standings, differing=differing))
    assert expected in found
    assert bool(expected) == bool(found)


def test_verdicts_compare_with_the_most_accurate_operator():
    found = statistics(A, B, C, NONE, differing=[("A", "C")])
    assert [chance.verdict(found, one) for one in found.standings] == [
        "best",
        "no clear difference",
        "−10.0 points",
        "no clear difference",
    ]


def test_a_control_ahead_of_the_best_is_said_to_be():
    found = statistics(standing(CONTROL, 0.95), A, differing=AHEAD)
    assert chance.verdict(found, found.standings[0]) == "+5.0 points"


def test_the_interval_note_knows_what_was_drawn():
    found = statistics(A, C)
    assert "both the test images and the seeds are drawn anew" in chance.interval_note(comparison(), found)
    assert "when the test images are drawn anew (4,000 bootstrap draws)" in chance.interval_note(
        comparison(seeds=1), found
    )
    certain = replace(A, low=1.0, high=1.0)
    assert chance.interval_note(comparison(), statistics(certain)).endswith("not that it is certain.")


@pytest.mark.parametrize(
    ("seeds", "end"),
    [
        (1, "It says nothing about other seeds: only one was run."),
        (2, "Two seeds are too few to test over seeds: even two wins out of two would give p = 0.5."),
        (3, "Three seeds are too few to test over seeds: even three wins out of three would give p = 0.25."),
        (6, "It does not cover other seeds than the six that were run."),
    ],
)
def test_the_significance_note_says_what_seeds_allow(seeds, end):
    note = chance.significance_note(comparison(seeds=seeds), statistics(A, C))
    assert plain(note).endswith(end)
    assert "over the 20 images of the test set" in note
    assert "correction for 1 pair at" in note


def curves_of(*accuracies, unit=BudgetUnit.EPOCHS):
    """One operator per row of accuracies, with one seed."""
    whole = comparison(seeds=1, operators=len(accuracies))
    trials = tuple(
        Trial(
            "ABCDEFGHIJ"[i],
            0,
            (),
            tuple(CurvePoint(e + 1, 2 * e + 2, 0.1, a) for e, a in enumerate(row)),
            1,
            None,
        )
        for i, row in enumerate(accuracies)
    )
    settings = replace(whole.settings, budget=Budget(9, unit))
    return learning.learning_of(replace(whole, trials=trials, settings=settings), "ABCDEFGHIJ")


def test_the_common_level_is_reached_by_half_of_the_operators():
    curves = curves_of([0.5, 0.96], [0.5, 0.91], [0.5, 0.6])
    assert learning.common_level(curves) == 0.9
    captions = [plain(learning.learning_caption(one, 0.9, BudgetUnit.EPOCHS)) for one in curves]
    assert captions == ["90 % in epoch 2", "90 % in epoch 2", "never 90 %"]


def test_captions_count_seconds_where_the_budget_does():
    (curve,) = curves_of([0.5, 0.96], unit=BudgetUnit.SECONDS)
    assert plain(learning.learning_caption(curve, 0.9, BudgetUnit.SECONDS)) == "90 % after 4 s"


def test_hopeless_curves_get_their_end_as_caption():
    (curve,) = curves_of([0.01, 0.02])
    assert learning.common_level([curve]) is None
    assert plain(learning.learning_caption(curve, None, BudgetUnit.EPOCHS)) == "2.0 % at the end"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            ([0.5, 0.505], [0.7, 0.7]),
            "No operator gained more than a point between its last two evaluations.",
        ),
        (([0.5, 0.6], [0.7, 0.7]), "A still gained more than a point between the last two evaluations: "),
        (([0.5, 0.6], [0.7, 0.8]), "Every operator still gained more than a point"),
        (([0.5], [0.6]), "There was one evaluation only"),
    ],
)
def test_whether_more_training_would_help(rows, expected):
    assert learning.more_training(curves_of(*rows)).startswith(expected)


def test_seeds_that_stopped_at_different_times_are_read_in_between():
    whole = comparison(seeds=2, operators=1)
    long = tuple(CurvePoint(e, e, 0.1, 0.1 * e) for e in (1, 2, 3))
    short = (CurvePoint(1, 1, 0.1, 0.3), CurvePoint(3, 3, 0.1, 0.5))
    trials = (Trial("A", 0, (), long, 1, None), Trial("A", 1, (), short, 1, None))
    (found,) = learning.learning_of(replace(whole, trials=trials), ["A", "B"])
    np.testing.assert_allclose(found.mean.score, [0.2, 0.3, 0.4])


def test_the_learning_note_counts_seeds():
    assert "Thin lines: the three seeds." in learning.learning_note(comparison())
    assert learning.learning_note(comparison(seeds=1)).startswith("Thick line: the one seed.")


def seen(gain, side=5, even=9, shape=(9, 9)):
    share = np.zeros(shape)
    share[shape[0] // 2, shape[1] // 2] = 1
    frequency = (np.arange(BINS) + 0.5) / (2 * BINS)
    response = FrequencyResponse(frequency, np.asarray(gain(frequency)), np.ones((2, 2)))
    return sight.Seen(
        "A",
        replace(
            sight_of(NINE[0], (9, 9)),
            receptive_field=ReceptiveField(share, side, even),
            frequency_response=response,
        ),
    )


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        (lambda f: 1 - 1.2 * f, "Low-pass: fine detail gets 47 % of the gain of broad shapes."),
        (lambda f: 0.4 + 1.2 * f, "High-pass: broad shapes get 46 % of the gain of fine detail."),
        (lambda f: 1 - 0.1 * f, "Nearly flat: fine detail gets 96 % of the gain of broad shapes."),
        (lambda f: 1 - 12 * (f - 0.25) ** 2, "Favours middle frequencies, most at 0.23 cycles per sample."),
        (
            lambda f: 0.5 + 8 * (f - 0.25) ** 2,
            "Weakest in the middle frequencies, where gain falls to 50 % of its largest.",
        ),
    ],
)
def test_a_response_is_named_by_its_shape(gain, expected):
    assert plain(sight.sight_caption(seen(gain))).endswith(expected)


def test_the_extent_is_given_in_samples():
    flat = np.ones_like
    assert sight.sight_caption(seen(flat)).startswith(
        "Half of what moves a position lies within 5 × 5 samples."
    )
    assert sight.sight_caption(seen(flat, shape=(1, 9))).startswith(
        "Half of what moves a position lies within 5 samples."
    )
    assert " – as much as an even spread would need." in sight.sight_caption(seen(flat, side=9))
    assert "lies in that position itself." in sight.sight_caption(seen(flat, side=1))


def test_an_operator_that_sees_nothing_is_said_to():
    assert sight.sight_caption(seen(np.zeros_like, side=0)).startswith("The output here does not depend")


def test_sights_are_averaged_over_seeds():
    found = sight.seen_by(
        comparison_of(NINE[:1], seeds=3, examples=20, shape=(1, 9, 9)), ["DepthwiseConv", "B"]
    )
    assert [one.operator for one in found] == ["DepthwiseConv"]
    shares = [sight_of(NINE[0], (9, 9), seed).receptive_field.share for seed in range(3)]
    np.testing.assert_allclose(found[0].sight.receptive_field.share, np.mean(shares, axis=0))
    assert found[0].sight.frequency_response.gain.max() == 1


def test_the_surprise_is_fewer_operations_that_take_longer():
    few = standing("Few", 0.9, 30.0, mac=2e6)
    many = standing("Many", 0.9, 10.0, mac=4e6)
    assert plain(cost.surprise([few, many])) == (
        "MACs do not predict time: Few needs 50 % of the MACs of Many and takes 3.0 times as long."
    )
    assert cost.surprise([many, standing("More", 0.9, 30.0, mac=8e6)]) == ""
    assert cost.surprise([unmeasured(few), many]) == ""


def test_runs_and_budgets_are_counted():
    rows = {row.name: row.text for row in run.data_rows(comparison(failures=(Failure("A", 0, "x"),)))}
    assert rows["Runs"] == "11 finished, 1 failed"
    assert rows["Split"] == "80 to train, 20 to test"
    assert plain(rows["Guessing"]).startswith("10.0 % by always")
    assert {row.name: row.text for row in run.data_rows(comparison())}["Runs"] == "12 finished, none failed"
    one = comparison(epochs=1)
    assert {row.name: row.text for row in run.training_rows(one)}["Budget"] == "1 epoch, 64 images a step"


@pytest.mark.parametrize(("load", "busy"), [(1.9, False), (2.4, False), (2.6, True)])
def test_a_busy_machine_casts_doubt_on_the_times(load, busy):
    whole = comparison()
    rows = run.machine_rows(replace(whole, machine=replace(whole.machine, cores=2, load=load)))
    text = next(row.text for row in rows if row.name == "Load")
    assert text.startswith(f"{load} over the last minute")
    assert ("other work may have slowed the times" in text) == busy


def test_the_sight_note_speaks_of_colour_only_where_there_is_some():
    flat = np.ones_like
    assert "colour is logarithmic" in sight.sight_note([seen(flat)])
    assert "colour" not in sight.sight_note([seen(flat, shape=(1, 9))])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 28, 28), "28 × 28 grey"),
        ((3, 8, 9), "8 × 9 colour"),
        ((4, 8, 9), "8 × 9 with 4 channels"),
        ((1, 50), "50 samples"),
        ((3, 50), "50 samples in 3 channels"),
    ],
)
def test_data_are_described_by_their_shape(shape, expected):
    assert run.data_rows(comparison(shape=shape))[0].text == f"MNIST-5k, {expected}, 10 classes"


def test_hard_examples_are_titled_by_their_number():
    assert run.hard_title(comparison(hard=1)) == "The test image that was misread most often"
    assert run.hard_title(comparison(hard=2)) == "The two test images that were misread most often"


def test_guesses_keep_the_labels_of_the_user():
    example = HardExample(0, 0, np.zeros((2, 2), np.float32), 0.5, (1, 2, 0))
    assert run.hard_guesses(example, ("Cat", "<b>", "DOG")) == "read as <b> or DOG"
    assert run.hard_guesses(replace(example, guesses=(1,)), ("yes", "no")) == "read as no"


def test_examples_that_all_read_correctly_are_counted():
    whole = comparison(seeds=2, operators=2)
    right = whole.data.test_labels
    wrong_once = (right[0] + 1, *right[1:])
    trials = [replace(trial, predicted=right) for trial in whole.trials]
    assert run.all_right(replace(whole, trials=tuple(trials))) == (
        "Both operators read 20 of the 20 images correctly with every seed."
    )
    trials[0] = replace(trials[0], predicted=wrong_once)
    assert "read 19 of the 20 images" in run.all_right(replace(whole, trials=tuple(trials)))
    assert run.all_right(replace(whole, trials=())) == ""


def test_one_operator_with_one_seed_reads_in_the_singular():
    assert run.all_right(comparison(seeds=1, operators=1)).startswith("The operator read ")
    assert run.all_right(comparison(seeds=1, operators=1)).endswith(" correctly.")


def test_the_findings_hold_for_real_statistics():
    whole = comparison_of(NINE, examples=1000)
    found = statistics_of(whole)
    assert plain(str(answer.headline(whole, found, choose(found)))) == (
        "On your data and this machine, take DepthwiseConv: 97.8 % accuracy (±0.9), 4.72 ms for 64 images. "
        "InceptionDWConv2d reaches 97.1 % and trains in 62 % of the time."
    )


def test_lists_and_counts_read_as_sentences():
    assert [listing(list("ABCD")[:count]) for count in range(5)] == [
        "",
        "A",
        "A and B",
        "A, B and C",
        "A, B, C and D",
    ]
    assert listing(list("ABCDEFGHIJ")) == "A, B, C, D, E, F and 4 more"
    assert (count_word(2), count_word(12), count_word(13), count_word(1234)) == (
        "two",
        "twelve",
        "13",
        "1,234",
    )
    assert (OPERATOR.counted(1), OPERATOR.counted(2), OPERATOR.worded(1)) == (
        "1 operator",
        "2 operators",
        "one operator",
    )
    assert (IMAGE.counted(1), IMAGE.counted(64)) == ("1 image", "64 images")
    assert (shown_name(CONTROL), shown_name("CoNv")) == ("No operator", "CoNv")
