"""Medians, bounds and means against values worked out by hand."""

import random
from math import comb

import pytest

from circulant.measuring.order_statistics import (
    bound_rank,
    geometric_mean,
    lower_bound,
    median_interval,
    quantile,
)


def test_a_geometric_mean_of_ratios_does_not_depend_on_which_side_is_on_top():
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)
    assert geometric_mean([0.5, 0.125]) == pytest.approx(0.25)
    assert geometric_mean([7.0]) == pytest.approx(7.0)


def test_quantiles_lie_on_straight_lines_between_the_values():
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert quantile([1.0, 2.0, 3.0, 4.0, 5.0], 0.25) == 2.0
    assert quantile([10.0, 20.0], 0.75) == 17.5
    assert quantile([3.0], 0.9) == 3.0


def test_fifty_values_are_bounded_by_the_18th_from_either_end():
    # textbook table of the sign test: n = 50, two-sided 5 %: ranks 18 and 33
    interval = median_interval([float(value) for value in range(1, 51)])
    assert (interval.median, interval.low, interval.high) == (25.5, 18.0, 33.0)


def test_the_one_sided_bound_of_fifty_values_is_the_19th():
    assert lower_bound([float(value) for value in range(50, 0, -1)]) == 19.0


def test_few_values_are_bounded_by_their_extremes():
    interval = median_interval([3.0, 1.0, 2.0])
    assert (interval.median, interval.low, interval.high) == (2.0, 1.0, 3.0)
    assert lower_bound([5.0, 4.0]) == 4.0


@pytest.mark.parametrize("count", [6, 7, 8, 20, 51, 400])
@pytest.mark.parametrize("tail", [0.025, 0.05])
def test_the_rank_is_the_largest_that_keeps_the_tail(count, tail):
    def mass(rank):
        return sum(comb(count, heads) for heads in range(rank + 1)) / 2**count

    rank = bound_rank(count, tail)
    assert mass(rank) <= tail < mass(rank + 1)


def test_the_interval_covers_the_true_median_about_as_often_as_it_says():
    source = random.Random(5)
    covered = 0
    for _ in range(2000):
        interval = median_interval([source.expovariate(1.0) for _ in range(25)])
        covered += interval.low <= 0.6931471805599453 <= interval.high
    assert 0.94 <= covered / 2000 <= 0.985  # 25 values give 95.7 %
