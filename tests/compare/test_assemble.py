"""From trials to the comparison."""

from dataclasses import replace

import numpy as np
import pytest
from tests.compare.tiny import experiment, settings, stripes

from circulant.compare.assemble import MOST_HARD, assemble, hard_examples
from circulant.compare.machine import this_machine
from circulant.compare.measurements import Measurements
from circulant.compare.records import CONTROL, Failure, Trial


def trial(operator, predicted, seed=0):
    return Trial(operator, seed, tuple(predicted), (), 1.0, None)


def labels():
    return stripes().test.y


def test_hard_examples_are_those_that_most_trials_misread_worst_first():
    truth = labels()
    wrong = 1 - truth
    one, two, three = truth.copy(), truth.copy(), truth.copy()
    for row, places in ((one, [4, 7, 1]), (two, [4, 7]), (three, [4])):
        row[places] = wrong[places]
    found = hard_examples(stripes(), [trial("a", one), trial("b", two), trial("c", three)])
    assert [(hard.index, hard.wrong_share) for hard in found] == [(4, 1.0), (7, pytest.approx(2 / 3))]
    assert all(hard.label == truth[hard.index] and hard.guesses == (wrong[hard.index],) for hard in found)


def test_guesses_come_most_frequent_first_without_the_true_class():
    truth = labels()
    rows = [truth.copy() for _ in range(4)]
    for row, guess in zip(rows, (5, 7, 7, truth[0]), strict=True):
        row[0] = guess
    assert hard_examples(stripes(), [trial(str(n), row) for n, row in enumerate(rows)])[0].guesses == (7, 5)


def test_no_more_than_a_dozen_are_shown_and_none_without_trials():
    assert hard_examples(stripes(), []) == ()
    big = stripes(200)
    assert len(hard_examples(big, [trial("a", 1 - big.test.y)])) == MOST_HARD


PICTURES = {
    "grey": ((1, 3, 4), (3, 4)),
    "colour": ((3, 3, 4), (3, 4, 3)),
    "with alpha": ((4, 3, 4), (3, 4, 3)),
    "two planes": ((2, 3, 4), (3, 4)),
    "series": ((2, 9), (2, 9)),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_pixels_have_the_shape_and_range_that_the_report_draws(kind):
    shape, drawn = PICTURES[kind]
    base = stripes()
    x = np.random.default_rng(0).normal(size=(len(base.test), *shape)).astype(np.float32)
    dataset = replace(base, test=replace(base.test, x=x))
    hard = hard_examples(dataset, [trial("a", 1 - labels())])[0]
    assert hard.pixels.shape == drawn
    if kind == "series":
        assert np.array_equal(hard.pixels, x[hard.index])
    else:
        assert hard.pixels.min() >= 0 and hard.pixels.max() <= 1 and np.ptp(hard.pixels) > 0.5


def test_the_control_does_not_decide_what_is_hard_and_everything_is_kept():
    truth = labels()
    trials = [trial("Conv", truth), trial(CONTROL, 1 - truth)]
    failure = Failure("X", 0, "no")
    measurements = Measurements((), this_machine(1))
    comparison = assemble(experiment(), settings(), trials, [failure], measurements)
    assert comparison.hard_examples == () and comparison.failures == (failure,)
    assert comparison.trials == tuple(trials) and comparison.machine == measurements.machine
    data = comparison.data
    assert (
        data.test_labels == tuple(truth) and data.classes == ("level", "upright") and data.shape == (1, 8, 8)
    )
    assert (data.train_size, data.fingerprint) == (48, stripes().fingerprint)
