"""Accuracies, intervals, tests and choices against hand computations, scipy and enumeration."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats
from tests.compare.synthetic import NOTHING, Spec, comparison_of, profile_of

from circulant.compare.choice import Timing, choose, frontier
from circulant.compare.paired_test import EXACT_UP_TO, holm, wilcoxon_p
from circulant.compare.records import CONTROL, Failure
from circulant.compare.statistics import Pair, Standing, Statistics, statistics_of


def standing(name, accuracy, forward_ms=5.0, train_ms=30.0):
    spec = Spec(name, accuracy, forward_ms, train_ms)
    return Standing(name, (accuracy,), accuracy, accuracy - 0.01, accuracy + 0.01, profile_of(spec))


def statistics(*standings, differing=()):
    """Standings in the given order; pairs named in differing are more than chance."""
    names = [one.operator for one in standings]
    accuracy = {one.operator: one.score for one in standings}
    pairs = tuple(
        Pair(a, b, accuracy[a] - accuracy[b], 0.001 if {a, b} in [set(d) for d in differing] else 0.8)
        for index, a in enumerate(names)
        for b in names[index + 1 :]
    )
    return Statistics(standings, pairs, ())


def test_wilcoxon_equals_scipy_where_there_are_no_ties():
    random = np.random.default_rng(1)
    for size in (5, 12, 30):
        differences = random.standard_normal(size) + 0.3
        expected = stats.wilcoxon(differences, method="exact").pvalue
        assert wilcoxon_p(differences) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "differences",
    [
        [1, 1, 1],
        [1, -1, 1, 1, 0, 0],
        [1 / 3, 2 / 3, -1 / 3, 1 / 3, 1, 0.0, -2 / 3],
        [2, 2, -2, 1, 1, 1, 1],
    ],
)
def test_wilcoxon_with_ties_equals_the_enumeration_of_all_signs(differences):
    differences = np.round(np.array(differences, dtype=float), 9)
    differing = differences[differences != 0]
    ranks = stats.rankdata(np.abs(differing))
    middle = ranks.sum() / 2
    seen = abs(ranks[differing > 0].sum() - middle)
    sums = np.array([(ranks * np.array(signs)).sum() for signs in product((0, 1), repeat=len(ranks))])
    expected = (np.abs(sums - middle) >= seen - 1e-9).mean()
    assert wilcoxon_p(differences) == pytest.approx(expected, rel=1e-12)


def test_wilcoxon_of_many_differences_is_scipys():
    differences = np.random.default_rng(2).choice([-1.0, -0.5, 0.5, 1.0], size=EXACT_UP_TO + 100)
    assert wilcoxon_p(differences) == pytest.approx(stats.wilcoxon(differences, method="asymptotic").pvalue)


def test_exact_and_asymptotic_agree_where_they_meet():
    differences = np.random.default_rng(3).choice([-1.0, 0.5, 1.0], size=EXACT_UP_TO)
    assert wilcoxon_p(differences) == pytest.approx(
        stats.wilcoxon(differences, method="asymptotic").pvalue, rel=0.1
    )


def test_no_differing_example_gives_certainty_of_nothing():
    assert wilcoxon_p(np.zeros(100)) == 1.0


def test_three_wins_of_three_are_never_significant():
    assert wilcoxon_p(np.array([0.3, 0.2, 0.1])) == pytest.approx(0.25)


def test_holm_equals_the_hand_computation():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_exceeds_one():
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_accuracy_is_the_mean_over_seeds():
    found = statistics_of(comparison_of((Spec("A", 0.9),), None, examples=100, spread=5))
    best = found.standings[0]
    assert best.operator == "A"
    assert best.by_seed == pytest.approx((0.95, 0.9, 0.85))
    assert best.score == pytest.approx(0.9)


def test_the_interval_of_one_seed_is_that_of_a_share():
    found = statistics_of(comparison_of((Spec("A", 0.8),), None, seeds=1, examples=400)).standings[0]
    half = 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert found.low == pytest.approx(0.8 - half, abs=0.006)
    assert found.high == pytest.approx(0.8 + half, abs=0.006)


def test_differing_seeds_widen_the_interval():
    def width(spread):
        found = statistics_of(comparison_of((Spec("A", 0.8),), None, seeds=3, examples=400, spread=spread))
        return found.standings[0].high - found.standings[0].low

    assert width(40) > 1.3 * width(0)


def test_statistics_are_the_same_for_the_same_seed():
    comparison = comparison_of((Spec("A", 0.8), Spec("B", 0.7)), examples=997)
    assert statistics_of(comparison) == statistics_of(comparison)
    assert statistics_of(comparison, seed=1) != statistics_of(comparison)


def test_standings_go_from_accurate_to_inaccurate_with_the_control_in_its_place():
    specs = (Spec("A", 0.7), Spec("B", 0.9), Spec("C", 0.7, forward_ms=1.0))
    found = statistics_of(comparison_of(specs, replace(NOTHING, accuracy=0.8), examples=100))
    assert [one.operator for one in found.standings] == ["B", CONTROL, "C", "A"]


def test_equal_predictions_do_not_differ():
    comparison = comparison_of((Spec("A", 0.9), Spec("B", 0.9)), examples=100)
    trials = tuple(replace(trial, predicted=comparison.trials[0].predicted) for trial in comparison.trials)
    found = statistics_of(replace(comparison, trials=trials))
    assert {pair.p_value for pair in found.pairs} == {1.0}
    assert found.groups == ((*(one.operator for one in found.standings),),)


def test_a_clear_difference_is_found_and_signed():
    found = statistics_of(comparison_of((Spec("A", 0.7), Spec("B", 0.9)), examples=300))
    pair = found.pair("A", "B")
    assert pair.differs
    assert pair.difference == pytest.approx(-0.2)
    assert found.pair("B", "A") == pair.turned()


def test_scores_of_operators_with_different_seeds_compare():
    comparison = comparison_of(
        (Spec("A", 0.9), Spec("B", 0.9)), examples=100, failures=(Failure("B", 2, "out of memory"),)
    )
    found = statistics_of(comparison)
    assert [len(one.by_seed) for one in found.standings if one.operator == "B"] == [2]
    assert not found.differ("A", "B")


def test_groups_are_the_longest_runs_without_a_differing_pair():
    specs = tuple(
        Spec(name, accuracy) for name, accuracy in zip("ABCDE", (0.95, 0.945, 0.93, 0.91, 0.6), strict=True)
    )
    found = statistics_of(comparison_of(specs, None, examples=1000))
    names = [one.operator for one in found.standings]
    for group in found.groups:
        start = names.index(group[0])
        assert list(group) == names[start : start + len(group)]
        assert not any(found.differ(a, b) for a in group for b in group)
        for longer in (names[max(0, start - 1) : start + len(group)], names[start : start + len(group) + 1]):
            if len(longer) > len(group):
                assert any(found.differ(a, b) for a in longer for b in longer)
    assert ("A", "B") in found.groups or any({"A", "B"} <= set(group) for group in found.groups)
    assert not any("E" in group for group in found.groups)


def test_the_pick_is_the_fastest_of_those_not_told_from_the_best():
    found = statistics(
        standing("A", 0.9, 9),
        standing("B", 0.89, 3),
        standing("C", 0.7, 1),
        differing=[("A", "C"), ("B", "C")],
    )
    choice = choose(found)
    assert choice.pick.operator == "B"
    assert [one.operator for one in choice.tied] == ["A", "B"]


def test_the_control_is_never_picked():
    found = statistics(standing(CONTROL, 0.95, 1), standing("A", 0.9, 9))
    choice = choose(found)
    assert choice.pick.operator == "A"
    assert not choice.any_beats_control


def test_without_a_finished_operator_there_is_no_choice():
    assert choose(statistics(standing(CONTROL, 0.9))) is None


def test_unmeasured_operators_are_picked_by_accuracy():
    bare = [replace(standing(name, accuracy), profile=None) for name, accuracy in (("A", 0.9), ("B", 0.89))]
    assert choose(statistics(*bare)).pick.operator == "A"


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (standing("B", 0.882, 3.9, 30), Timing.FORWARD),  # exactly 98 %, 78 % of the time
        (standing("B", 0.881, 3.9, 10), None),  # accuracy below 98 %
        (standing("B", 0.89, 4.0, 30), None),  # exactly 80 % is not enough
        (standing("B", 0.89, 4.1, 23.9), Timing.TRAINING),
        (standing("B", 0.89, 3.0, 10), Timing.FORWARD),  # forward is said first
    ],
)
def test_the_alternative_keeps_the_accuracy_in_clearly_less_time(other, expected):
    found = statistics(standing("A", 0.9, 5, 30), other, differing=[("A", "B")])
    alternative = choose(found).alternative
    assert (alternative and alternative.timing) == expected


def test_the_fastest_alternative_is_named():
    found = statistics(
        standing("A", 0.9, 10),
        standing("B", 0.899, 5),
        standing("C", 0.89, 4),
        differing=[("A", "B"), ("A", "C")],
    )
    assert choose(found).alternative.standing.operator == "C"


def test_the_frontier_holds_what_nothing_beats():
    standings = (
        standing("A", 0.95, 9),
        standing("B", 0.9, 3),
        standing("C", 0.9, 4),  # as accurate as B, slower
        standing("D", 0.8, 3),  # as fast as B, less accurate
        standing("E", 0.7, 1),
    )
    assert [one.operator for one in frontier(statistics(*standings), Timing.FORWARD)] == [
        "E",
        "B",
        "A",
    ]


def test_equals_share_the_frontier_and_the_unmeasured_stay_out():
    twins = (standing("A", 0.9, 3), standing("B", 0.9, 3), replace(standing("C", 0.99), profile=None))
    assert [one.operator for one in frontier(statistics(*twins), Timing.TRAINING)] == ["A", "B"]
