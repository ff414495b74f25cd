"""Costs are found again from times that were computed from them, and doubts from times that differ."""

import numpy as np
import pytest
import torch

from circulant.algorithms.algorithm import Work
from circulant.engine.calibration.fit import MOST_PASSES, UNTRIED, Sample, doubts, fit
from circulant.engine.calibration.timing import Timed
from circulant.engine.machine import ANY, IN_PLACE, Cost, Machine
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

OTHER = "fft on native"
NAME = f"{OTHER}, smallest depthwise 2-D"
PROBLEM = ConvolutionProblem(
    torch.float32, Slot.OUTPUT, 1, 4, 4, (8, 8), (3, 3), (1, 1), ((1, 1),) * 2, (1, 1), 4
)
MACHINE = Machine([(None, 1e10)], 1e10, {ANY: 0.0}, {ANY: Cost(1e-11, 0.0)}, {ANY: 1.0})


def samples(seconds_per_flop, passes, count=40):
    draw = np.random.default_rng(0)
    flop, moving = 10 ** draw.uniform(6, 9, count), 10 ** draw.uniform(-5, -2, count)
    return [Sample(seconds_per_flop * f + passes * m, f, m) for f, m in zip(flop, moving)]


@pytest.mark.parametrize(("seconds_per_flop", "passes"), [(7e-12, 1.4), (5e-11, 0.3), (4e-12, 5.0)])
def test_what_times_were_made_of_is_found_again(seconds_per_flop, passes):
    found = fit(samples(seconds_per_flop, passes), 1e-12)
    assert found.seconds_per_flop == pytest.approx(seconds_per_flop, rel=0.05)
    assert found.passes == pytest.approx(passes, rel=0.05)


def test_a_few_wild_times_change_little():
    wild = samples(7e-12, 1.4)
    wild[::8] = [sample._replace(seconds=30 * sample.seconds) for sample in wild[::8]]
    found = fit(wild, 1e-12)
    assert found.seconds_per_flop == pytest.approx(7e-12, rel=0.2)


def test_costs_stay_within_what_a_kernel_can_do():
    assert fit(samples(1e-13, 40.0), 2e-12).seconds_per_flop >= 2e-12
    assert fit(samples(1e-13, 40.0), 2e-12).passes <= MOST_PASSES


def test_of_few_problems_arithmetic_alone_is_told():
    assert fit(samples(9e-12, 0.0, count=3), 1e-12) == Cost(9e-12, 0.0)


def timed(slowness, flop=1e9):
    """Torch's own as predicted; the other so many times slower than that."""
    work = Work(flop, 0.0, 0.0, 1.0)
    return Timed(PROBLEM, {IN_PLACE: (1e-11 * flop, work), OTHER: (slowness * 1e-11 * flop, work)})


def test_a_doubt_is_how_much_slower_one_in_ten_is_beside_torchs_own():
    found = doubts([timed(1 + 0.1 * i) for i in range(21)], MACHINE)
    assert found == {ANY: UNTRIED, NAME: pytest.approx((1 + 2 / 21) * 2.8, rel=0.02)}


def test_a_regime_of_one_problem_is_doubted_more_than_one_of_many():
    one, many = (doubts([timed(1.5)] * count, MACHINE)[NAME] for count in (1, 40))
    assert one > 2 * many


def test_calls_that_are_mostly_launch_tell_nothing_of_doubts():
    assert doubts([timed(5.0, flop=1e6)], MACHINE) == {ANY: UNTRIED}
