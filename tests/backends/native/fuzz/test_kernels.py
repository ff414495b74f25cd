"""Every kernel of the core against float64, on drawn problems, its memory watched.

A problem is drawn with the number of threads, the instruction set and the places of its operands.
"""

from dataclasses import dataclass, replace
from typing import final

import pytest
import torch
from hypothesis import HealthCheck, assume, given, seed, settings
from tests.backends.native.fuzz.conditions import CONDITIONS, LEVELS, Conditions, guarded
from tests.backends.native.fuzz.oracle import operands_of
from tests.backends.native.fuzz.targets import NATIVE, TARGETS, Solve, accepts

from circulant.core.tolerances import RELATIVE, assert_close
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

EACH_TARGET = pytest.mark.parametrize("target", TARGETS, ids=str)


@final
@dataclass(frozen=True, slots=True)
class Suite:
    problems: int  # in all
    seed: int

    @property
    def share(self) -> int:
        """Of each target."""
        return -(-self.problems // len(TARGETS))


NORMAL, SLOW = Suite(problems=2_000, seed=1), Suite(problems=20_000, seed=2)


def fuzz(target, suite):
    solved = set()

    @seed(suite.seed)
    @settings(max_examples=suite.share * 4 // 3, suppress_health_check=[HealthCheck.too_slow])
    @given(target.problems, CONDITIONS)
    def agrees(problem, conditions):
        assume(accepts(target, problem))
        operands = target.operands(problem)
        got = guarded(lambda *given: target.run(problem, *given), operands, conditions)
        for result, exact in zip(got, target.expected(problem, *operands), strict=True):
            assert_close(result, exact, RELATIVE[problem.dtype], what=f"{problem} under {conditions}")
        solved.add((problem, conditions))

    agrees()
    assert len(solved) >= suite.share  # some are drawn twice


@EACH_TARGET
def test_a_kernel_is_right_on_any_problem_and_keeps_to_its_memory(target):
    fuzz(target, NORMAL)


@pytest.mark.slow
@EACH_TARGET
def test_a_kernel_is_right_on_many_more_problems(target):
    fuzz(target, SLOW)


def test_a_kernel_leaves_the_floating_point_unit_as_it_was():
    """Where a vector of bfloat16 is spilled, compilers may reach for MMX registers, those of the x87 unit."""
    (row,) = (row for row in NATIVE if row.problem is GatheredConvProblem)
    problem = GatheredConvProblem(torch.bfloat16, Slot.KERNEL, 1, 7, 17, 150, 235, 22, 1)
    for level in LEVELS:
        guarded(lambda *given: [row.run(problem, *given)], operands_of(problem), Conditions(1, level, 0))


def test_a_kernel_that_is_wrong_for_some_sizes_only_is_found():
    row = next(row for row in NATIVE if row.problem is LongConvProblem)

    def wrong(problem, *operands):
        y = row.run(problem, *operands)
        return y.mul_(1.5) if problem.length % 16 == 15 else y

    with pytest.raises(AssertionError, match="relative error"):
        fuzz(Solve(replace(row, run=wrong)), NORMAL)


def test_every_function_of_every_native_row_has_its_share_of_the_problems():
    functions = [(row.run, row.gradients, row.gated, row.spectra) for row in NATIVE]
    assert len(TARGETS) == sum(function is not None for row in functions for function in row)
    assert NORMAL.share * len(TARGETS) >= 2_000
    assert SLOW.share * len(TARGETS) >= 20_000
    assert NORMAL.seed != SLOW.seed
