"""What ours is said to compute by is what the planner chose in that call."""

import sys

import pytest
import torch

from circulant import functional as CF
from circulant.algorithms.algorithm import AlgorithmName
from circulant.bench.way import plans_seen, told, way_of
from circulant.engine.choice import Backend, Choice
from circulant.engine.planner import plan
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

X, WEIGHT = torch.randn(1, 2, 9), torch.randn(2, 1, 3)


@pytest.mark.parametrize("algorithm", ["direct", "fft"])
def test_a_forced_algorithm_is_what_is_seen_also_when_its_plan_was_made_before(algorithm):
    def call():
        return (CF.conv1d(X, WEIGHT, groups=2, algorithm=algorithm, backend="torch"),)

    assert [way_of(call), way_of(call)] == [f"{algorithm} on torch"] * 2


def test_the_plans_of_gradients_are_seen_too():
    leaf = WEIGHT.clone().requires_grad_()
    with plans_seen() as plans:
        CF.long_conv(X, leaf[:, 0], algorithm="fft", backend="torch").sum().backward()
    assert {one.problem.slot for one in plans} >= {Slot.OUTPUT, Slot.KERNEL}


def test_a_gradient_that_is_computed_otherwise_is_named_once_with_what_it_is_for():
    sizes = (1, 2, 2, (9,), (3,), (1,), ((0, 0),), (1,), 2)

    def made(slot, algorithm):
        return plan(ConvolutionProblem(torch.float32, slot, *sizes), Choice(algorithm, Backend.TORCH))

    fft, direct = AlgorithmName.FFT, AlgorithmName.DIRECT
    alike = [made(slot, fft) for slot in (Slot.OUTPUT, Slot.INPUT, Slot.KERNEL)]
    assert told(alike) == "fft on torch"
    other = [*alike[:2], made(Slot.KERNEL, direct), made(Slot.KERNEL, direct)]
    assert told(other) == "fft on torch, direct on torch for the kernel"


def test_a_call_that_plans_nothing_says_so():
    assert way_of(lambda: (X + 1,)) == "nothing planned"


def test_nobody_is_watched_any_longer_after_a_call_that_fails():
    before = sys.getprofile()
    with pytest.raises(ZeroDivisionError), plans_seen() as plans:
        raise ZeroDivisionError
    CF.long_conv(X, WEIGHT[:, 0])
    assert sys.getprofile() is before and plans == []
