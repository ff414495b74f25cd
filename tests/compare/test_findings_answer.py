"""The answer: headline, stand-first, facts and trade-off, in each of their cases."""

from dataclasses import replace

import pytest
from tests.compare.spoken import (
    AHEAD,
    NONE,
    A,
    B,
    C,
    comparison,
    headline,
    plain,
    stand_first,
    standing,
    statistics,
    unmeasured,
)

from circulant.compare.choice import Timing, choose
from circulant.compare.findings import answer, tradeoff
from circulant.compare.records import CONTROL, Failure


def test_the_headline_names_the_pick_with_accuracy_and_time():
    found = statistics(A, C, NONE, differing=AHEAD)
    assert headline(found) == (
        "On your data and this machine, take A: 90.0 % accuracy (±1.0), 3.00 ms for 64 images."
    )


def test_the_name_in_the_headline_is_marked():
    found = statistics(A, C, NONE, differing=AHEAD)
    parts = answer.headline(comparison(), found, choose(found))
    assert parts.name == "A"
    assert plain(parts.short) == "A, 90.0 %"


def test_the_headline_says_sequences_where_the_data_are_sequences():
    assert "3.00 ms for 64 sequences" in headline(
        statistics(A, C, NONE, differing=AHEAD), comparison(shape=(1, 40))
    )


def test_a_batch_of_one_is_singular():
    one = replace(A, profile=replace(A.profile, batch=1))
    assert "3.00 ms for 1 image." in headline(statistics(one, C, NONE, differing=AHEAD))


def test_the_second_sentence_offers_a_faster_forward_pass():
    slow, fast = standing("A", 0.9, 10.0), standing("B", 0.89, 6.0)
    found = statistics(slow, fast, NONE, differing=[*AHEAD, ("A", "B")])
    assert headline(found).endswith(" B reaches 89.0 % in 60 % of that time.")


def test_the_second_sentence_offers_faster_training():
    found = statistics(A, B, NONE, differing=AHEAD)
    assert headline(found).endswith(" B reaches 89.0 % and trains in 67 % of the time.")


def test_the_only_operator_is_not_called_the_best():
    assert headline(statistics(A, NONE, differing=AHEAD)) == (
        "On your data and this machine, A reaches 90.0 % accuracy (±1.0), 3.00 ms for 64 images. "
        "It is the only operator in this comparison."
    )


def test_operators_no_better_than_the_control_are_not_recommended():
    found = statistics(A, C, NONE)
    assert headline(found) == (
        "On your data, no operator is clearly better than none. The same network without any reaches 70.0 "
        "% in 2.00 ms for 64 images; A reaches 90.0 % (±1.0) in 3.00 ms for 64 images."
    )
    short = answer.headline(comparison(), found, choose(found)).short
    assert plain(short) == "No operator beats none, 70.0 %"


def test_without_timings_the_headline_has_none():
    found = statistics(unmeasured(A), unmeasured(C), unmeasured(NONE), differing=AHEAD)
    assert headline(found) == "On your data and this machine, take A: 90.0 % accuracy (±1.0)."
    assert headline(statistics(unmeasured(A), unmeasured(NONE))).endswith("reaches 90.0 % (±1.0).")


@pytest.mark.parametrize("standings", [(), (NONE,)])
def test_nothing_finished_is_said(standings):
    found = statistics(*standings)
    assert headline(found) == "No operator finished training, so there is nothing to recommend."
    assert answer.facts(found) == ()


def test_names_appear_literally_wherever_they_stand():
    name = 'x <b>& "Y"</b>'
    found = statistics(standing(name, 0.9), C, NONE, differing=[(name, CONTROL), (name, "C")])
    assert f"take {name}: " in headline(found)
    assert stand_first(found).startswith(f"{name} is more accurate")


def test_some_ties_are_counted_and_named():
    found = statistics(A, B, C, NONE, differing=[*AHEAD, ("A", "C")])
    assert stand_first(found) == (
        "Two of three operators are too close to the best accuracy to tell apart (A and B). Of these A is "
        "the fastest. The operator matters here: the same network without any reaches 70.0 %."
    )


@pytest.mark.parametrize(
    ("standings", "start"),
    [
        ((A, B), "Both operators are too close in accuracy to tell apart. Of these A is the fastest."),
        (
            (A, B, C),
            "All three operators are too close in accuracy to tell apart. Of these A is the fastest.",
        ),
    ],
)
def test_all_tied_is_said(standings, start):
    assert stand_first(statistics(*standings, NONE, differing=AHEAD)).startswith(start)


def test_ties_without_timings_go_to_the_most_accurate():
    found = statistics(unmeasured(A), unmeasured(B), NONE, differing=AHEAD)
    assert "Of these A is the most accurate." in stand_first(found)


def test_a_clear_winner_is_called_one():
    found = statistics(A, B, NONE, differing=[*AHEAD, ("A", "B")])
    assert stand_first(found).startswith(
        "A is more accurate than every other operator by more than chance would give."
    )


def test_one_operator_is_not_compared_with_others():
    assert stand_first(statistics(A, NONE, differing=AHEAD), comparison(operators=1)) == (
        "The operator matters here: the same network without any reaches 70.0 %."
    )


def test_a_control_that_failed_is_missed():
    assert "did not finish: whether the operator matters at all is not known." in stand_first(
        statistics(A, C)
    )


def test_a_pick_within_chance_of_the_control_is_not_praised():
    found = statistics(A, B, C, NONE, differing=[("B", CONTROL)])
    assert (
        "A is not clearly better than the same network without any operator (70.0 %); B is."
        in stand_first(found)
    )
    found = statistics(A, B, C, NONE, differing=[("B", CONTROL), ("C", CONTROL)])
    assert stand_first(found).endswith("(70.0 %); B and C are.")


def test_no_gain_is_repeated_with_its_reason():
    assert stand_first(statistics(A, C, NONE)).endswith(
        "Between A and the network without any operator the difference is within chance."
    )


def test_a_control_that_wins_is_admitted():
    found = statistics(standing(CONTROL, 0.95), A, C, differing=AHEAD)
    assert "The same network without any operator is even clearly better than A." in stand_first(found)


def test_one_seed_is_a_caveat():
    found = statistics(replace(A, by_seed=(0.9,)), C, NONE, differing=AHEAD)
    assert stand_first(found).endswith(
        "With one seed, how much the start of training matters is not measured."
    )


def test_seeds_that_could_change_the_order_are_a_caveat():
    wide, narrow = replace(A, by_seed=(0.95, 0.85)), replace(A, by_seed=(0.91, 0.89))
    differing = [*AHEAD, ("A", "B")]
    assert stand_first(statistics(wide, B, NONE, differing=differing)).endswith(
        "Seeds matter here: those of A range from 85.0 % to 95.0 %, so that other seeds may change the order."
    )
    assert "Seeds" not in stand_first(statistics(narrow, replace(B, score=0.88), NONE, differing=differing))
    assert "Seeds" not in stand_first(statistics(wide, B, NONE, differing=AHEAD))  # tied anyway


def test_one_failed_run_is_singular():
    failed = comparison(failures=(Failure("A", 1, "boom"),))
    assert stand_first(statistics(A, NONE, differing=AHEAD), failed).endswith(
        "1 of 12 runs failed; it is listed under “What was run”."
    )


def test_operators_without_any_run_are_named():
    failed = comparison(failures=tuple(Failure("C", seed, "boom") for seed in range(3)))
    assert stand_first(statistics(A, NONE, differing=AHEAD), failed).endswith(
        "3 of 12 runs failed; they are listed under “What was run”. C is missing, because every run failed."
    )


def test_two_operators_without_any_run_are_plural():
    failures = tuple(Failure(name, seed, "boom") for name in "BC" for seed in range(3))
    assert stand_first(statistics(A, NONE, differing=AHEAD), comparison(failures=failures)).endswith(
        "B and C are missing, because every run failed."
    )


def test_an_interrupted_comparison_says_how_to_go_on():
    whole = comparison()
    part = replace(whole, trials=whole.trials[:-2])
    assert stand_first(statistics(A, NONE, differing=AHEAD), part).endswith(
        "2 of 12 runs have not been made yet; start the same command again to go on."
    )
    assert "has not been made yet" in stand_first(
        statistics(A, NONE, differing=AHEAD), replace(whole, trials=whole.trials[:-1])
    )


def test_the_four_facts_name_the_best_of_each():
    facts = answer.facts(statistics(A, B, C, NONE))
    assert [fact.question for fact in facts] == [
        "Highest accuracy",
        "Fastest forward pass",
        "Fastest training step",
        "Fewest parameters",
    ]
    assert [fact.names for fact in facts] == ["A", "A", "B", "A and 2 more"]
    assert [plain(fact.value) for fact in facts] == [
        "90.0 %, 3.00 ms",
        "3.00 ms, 90.0 %",
        "20.0 ms, 89.0 %",
        "72.0 k",
    ]


def test_facts_of_two_equals_name_both_and_the_control_never():
    twin = standing("B", 0.9002, 3.001, 30.0)
    facts = answer.facts(statistics(twin, A, NONE))
    assert facts[0].names == "B and A"
    assert plain(facts[0].value) == "90.0 %"
    assert facts[1].names == "B and A"


def test_facts_without_timings_are_the_accuracy_alone():
    facts = answer.facts(statistics(unmeasured(A), unmeasured(C)))
    assert [(fact.names, plain(fact.value)) for fact in facts] == [("A", "90.0 %")]


def test_one_operator_that_wins_both_times_leaves_no_trade_off():
    assert tradeoff.tradeoff(statistics(A, C)) == (
        "There is no trade-off: A is the most accurate and the fastest, in both times."
    )


def test_a_trade_off_names_the_choices_and_counts_the_rest():
    found = statistics(A, B, standing("D", 0.85, 4.0, 25.0), NONE)
    assert tradeoff.tradeoff(found) == (
        "In the forward pass, A is both the fastest and the most accurate. "
        "In training, the choice is between B and A; the other operator is beaten by one of these."
    )


def test_several_beaten_operators_are_every_other():
    found = statistics(A, B, C, standing("D", 0.85, 4.0, 25.0))
    assert tradeoff.tradeoff(found).endswith("every other operator is beaten by one of these.")


def test_where_all_are_on_the_frontier_the_ends_are_named():
    found = statistics(standing("A", 0.9, 9, 9), standing("B", 0.8, 5, 5), standing("D", 0.7, 1, 1))
    assert tradeoff.tradeoff(found) == (
        "In the forward pass, more accuracy costs more time throughout, from D to A. "
        "In training, more accuracy costs more time throughout, from D to A."
    )


def test_unmeasured_times_are_not_traded():
    assert tradeoff.tradeoff(statistics(unmeasured(A), unmeasured(C))) == (
        "The forward pass was not measured. The training step was not measured."
    )


def test_the_trade_off_note_tells_where_the_control_is():
    found = statistics(A, C, NONE)
    assert plain(tradeoff.tradeoff_note(found, outside=True, unnamed=False)).endswith(
        "The control lies below the frame: 70.0 %, 2.00 ms forward, 10.0 ms a training step."
    )
    assert tradeoff.tradeoff_note(found, outside=False, unnamed=False).endswith(
        "The dashed point is the control, which does not compete."
    )
    assert "control" not in tradeoff.tradeoff_note(statistics(A, C), outside=False, unnamed=False)
    assert "those on the frontier are named" in tradeoff.tradeoff_note(found, outside=False, unnamed=True)


def test_the_frontier_is_described_for_those_who_do_not_see_it():
    assert "Frontier from fast to accurate: A 90.0 % in 3.00 ms." in plain(
        tradeoff.frontier_description(statistics(A, C), Timing.FORWARD)
    )
