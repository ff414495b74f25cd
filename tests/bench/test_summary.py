"""What the rows say, against sums done by hand."""

from math import isnan

import pytest
from tests.bench.specimens import group, row

from circulant.bench.contestant import Role
from circulant.bench.row import Status
from circulant.bench.settings import Malloc
from circulant.bench.summary import Outcome, summarise
from circulant.bench.workload import Goal

SHAPES = ((1, 2, 8), (1, 2, 9))
GROUP = group(shapes=SHAPES, goal=Goal(default=4.0, tuned=3.0))


def race(shape, malloc, ours, torch, peer):
    return [
        row("circulant", Role.OURS, ours, shape=shape, malloc=malloc),
        row("torch.fft code", Role.TORCH, torch, shape=shape, malloc=malloc),
        row("slow torch", Role.TORCH, torch * 10, shape=shape, malloc=malloc),
        row("scipy", Role.PEER, peer, shape=shape, malloc=malloc),
        row("circulant, channels last", Role.VARIANT, ours / 100, shape=shape, malloc=malloc),
    ]


ROWS = [
    *race("1x2x8", Malloc.DEFAULT, 1.0, 2.0, 0.5),
    *race("1x2x9", Malloc.DEFAULT, 2.0, 16.0, 1.0),
    *race("1x2x8", Malloc.TUNED, 1.0, 4.0, 2.0),
    *race("1x2x9", Malloc.TUNED, 1.0, 8.0, 9.0),
]


def findings(rows, of=GROUP):
    return summarise(of, rows, 2, "avx512").findings


def test_factors_are_geometric_means_against_the_fastest_of_the_right_rivals():
    plain, best = findings(ROWS)
    assert plain.factor == pytest.approx((2.0 * 8.0) ** 0.5)  # the peers do not count here
    assert best.factor == pytest.approx((2.0 * 8.0) ** 0.5)  # scipy on the first shape, torch on the second
    assert [race.rival_name for race in best.races] == ["scipy", "torch.fft code"]


def test_how_ours_computed_is_told_with_the_shapes_where_it_did():
    ours = [row(shape="1x2x8", note="fft on native"), row(shape="1x2x9", note="direct on torch"),
            row(shape="1x2x8", note="fft on native", malloc=Malloc.TUNED),
            row("circulant, channels last", Role.VARIANT, shape="1x2x8", note="im2col on torch"),
            row(shape="1x2x9", note="not a number", status=Status.WRONG, malloc=Malloc.TUNED)]  # fmt: skip
    assert summarise(GROUP, ours, 2, "avx512").ways == ("fft on native (1x2x8)", "direct on torch (1x2x9)")


def test_a_goal_is_met_at_exactly_its_value_and_missed_below():
    plain, best = findings(ROWS)
    assert (plain.outcome, best.outcome) == (Outcome.MET, Outcome.MET)
    slower = [row(r.contestant, r.role, r.seconds * (1.1 if r.role is Role.OURS else 1), shape=r.shape,
                  malloc=r.malloc) for r in ROWS]  # fmt: skip
    plain, best = findings(slower)
    assert (plain.outcome, best.outcome) == (Outcome.MISSED, Outcome.MET)
    assert str(plain) == "3.64 times as fast as plain torch (default malloc), goal 4: missed by 9 %"
    assert str(best).endswith("goal 3: met")


def test_a_shape_that_is_missing_leaves_the_goal_open():
    plain, _ = findings([r for r in ROWS if r.shape == "1x2x8"])
    assert plain.outcome is Outcome.INCOMPLETE and plain.factor == pytest.approx(2.0)
    assert str(plain).endswith("goal 4: 1 of 2 shapes measured")


def test_without_rows_nothing_is_claimed():
    plain, _ = findings([])
    assert isnan(plain.factor) and plain.outcome is Outcome.INCOMPLETE
    assert str(plain) == "not measured against plain torch (default malloc)"


def test_without_a_goal_the_factor_stands_alone():
    plain, _ = findings(ROWS, group(shapes=SHAPES))
    assert plain.outcome is Outcome.NO_GOAL
    assert str(plain) == "4 times as fast as plain torch (default malloc)"


def test_rows_of_another_setting_or_group_do_not_count():
    others = [row(threads=1), row(isa="avx2"), row(group="b")]
    assert all(not finding.races for finding in findings(others))


def test_a_wrong_result_of_ours_is_a_fault_and_its_shape_is_not_raced():
    wrong = row(status=Status.WRONG, note="the result is wrong", seconds=float("nan"))
    found = summarise(GROUP, [wrong, row("torch.fft code", Role.TORCH)], 2, "avx512")
    assert found.faults == ("1x2x8, default malloc: wrong, the result is wrong",)
    assert not found.findings[0].races and not found.not_timed


def test_others_that_were_not_timed_are_named_once_for_all_shapes():
    out = [
        row("scipy", Role.PEER, shape=s, status=Status.LEFT_OUT, note="scipy is not installed")
        for s in ("1x2x8", "1x2x9")
    ]
    found = summarise(GROUP, out, 2, "avx512")
    assert found.not_timed == ("scipy: left out, scipy is not installed",) and found.faults == ()


def test_a_goal_against_the_plain_sum_is_judged_against_plain_torch_under_tuned_malloc():
    (finding,) = findings(ROWS, group(shapes=SHAPES, goal=Goal(naive=30.0)))
    assert finding.factor == pytest.approx((4.0 * 8.0) ** 0.5) and finding.outcome is Outcome.MISSED
