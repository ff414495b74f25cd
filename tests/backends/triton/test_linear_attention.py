"""Linear attention and the delta rule's solve in the interpreter, against the problems' references."""

import sys

import pytest
import torch

from circulant.backends.triton import linear_attention
from circulant.core.tolerances import assert_close
from circulant.engine.example_operands import example_operands
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.linear_attention import Decay, LinearAttentionProblem

SIZES = (1, 2, 37, 5, 3)  # batch, heads, length, keys, values
SOLVABLE = [decay for decay in Decay if decay is not Decay.VALUE]


def assert_solves(problem, *operands):
    operands = operands or example_operands(problem, seed=1)
    copies = [operand.clone() for operand in operands]
    got = linear_attention.solve(problem, *operands)
    assert got.dtype == problem.dtype
    solve = sys.modules[type(problem).__module__].reference
    assert_close(got, solve(problem, *(operand.double() for operand in operands)), what=str(problem))
    assert all(torch.equal(operand, copy) for operand, copy in zip(operands, copies))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("decay", Decay)
def test_attention_equals_the_reference_in_both_directions(decay, reverse, strict):
    assert_solves(LinearAttentionProblem(torch.float64, *SIZES, decay, False, strict, reverse))


@pytest.mark.parametrize("decay", Decay)
@pytest.mark.parametrize("length", [1, 16, 70])
def test_attention_goes_on_from_an_initial_state(decay, length):
    assert_solves(LinearAttentionProblem(torch.float64, 1, 2, length, 3, 20, decay, True))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("decay", SOLVABLE)
def test_the_solve_equals_the_reference_in_both_directions(decay, reverse):
    assert_solves(DeltaSolveProblem(torch.float64, *SIZES, decay, False, reverse))


@pytest.mark.parametrize("decay", SOLVABLE)
def test_the_solve_goes_on_from_an_initial_state(decay):
    assert_solves(DeltaSolveProblem(torch.float64, *SIZES, decay, True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("decay", Decay)
def test_each_dtype_equals_the_reference(dtype, decay):
    assert_solves(LinearAttentionProblem(dtype, *SIZES, decay, True))
    if decay in SOLVABLE:
        assert_solves(DeltaSolveProblem(dtype, *SIZES, decay, True))


def test_values_and_keys_beyond_a_block_are_taken_too():
    assert_solves(LinearAttentionProblem(torch.float64, 1, 1, 20, 33, 70, Decay.KEY, True))


@pytest.mark.parametrize("decay", [Decay.HEAD, Decay.STEP, Decay.KEY])
def test_strong_decays_neither_overflow_nor_become_nan(decay):
    problem = LinearAttentionProblem(torch.float32, 1, 2, 150, 4, 3, decay, True)
    q, k, v, log_decay, initial = example_operands(problem)
    strong = torch.where(torch.rand_like(log_decay) < 0.2, -torch.inf, log_decay * 100)
    assert_solves(problem, q, k, v, strong, initial)
