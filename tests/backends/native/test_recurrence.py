"""The native recurrence against a loop in numpy, in float64 and complex numbers."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circulant.backends.native import recurrence
from circulant.core.errors import ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.problems.recurrence import RecurrenceProblem

LENGTHS = (1, 2, 7, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200)
EVERY_KIND = pytest.mark.parametrize(
    ("varying", "paired", "starts", "adjoint"),
    [
        (varying, paired, starts, adjoint)
        for varying in (False, True)
        for paired in (False, True)
        for starts, adjoint in ((False, False), (True, False), (False, True))
    ],
    ids=lambda flag: "ny"[flag],
)


def problem(rows, length, kind, dtype):
    return RecurrenceProblem(dtype, *rows, length, *kind)


def operands(p):
    """Factors of absolute value below 1, so that states stay finite."""
    a, *rest = (torch.randn(shape, dtype=torch.float64) for shape in p.operand_shapes)
    size = a.norm(dim=-1, keepdim=True) if p.is_complex else a.abs()
    return [(a / (1 + size)).to(p.dtype), *(tensor.to(p.dtype) for tensor in rest)]


def loop(p, a, x, initial=None):
    """The equation, step after step."""

    def numbers(tensor):
        array = tensor.double().numpy()
        return array[..., 0] + 1j * array[..., 1] if p.is_complex else array

    driven = numbers(x)
    factor = numbers(a) if p.is_varying else np.broadcast_to(numbers(a)[None, :, None], driven.shape)
    state = np.zeros_like(driven[..., 0]) if initial is None else numbers(initial)
    states = np.empty_like(driven)
    for step in range(p.length) if not p.adjoint else reversed(range(p.length)):
        if p.adjoint:
            state = driven[..., step] + state
            states[..., step] = state
            state = factor[..., step].conj() * state
        else:
            state = factor[..., step] * state + driven[..., step]
            states[..., step] = state
    real = np.stack([states.real, states.imag], -1) if p.is_complex else states
    return torch.from_numpy(real)


def assert_solves(p):
    tensors = operands(p)
    got = recurrence.solve(p, *tensors)
    assert got.dtype == p.dtype
    assert_close(got, loop(p, *tensors), RELATIVE[p.dtype], what=str(p))


@EVERY_KIND
def test_states_are_those_of_a_loop(isa, dtype, varying, paired, starts, adjoint):
    for length in LENGTHS:
        assert_solves(problem((2, 5), length, (varying, paired, starts, adjoint), dtype))


@pytest.mark.parametrize("rows", [(1, 1), (1, 15), (2, 8), (1, 17), (3, 11)], ids=str)
def test_any_number_of_rows_is_solved(isa, dtype, rows):
    for kind in ((False, False, True, False), (True, True, True, False), (True, False, False, True)):
        assert_solves(problem(rows, 70, kind, dtype))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 3), st.integers(1, 20), st.integers(1, 150), st.tuples(*[st.booleans()] * 4))
def test_drawn_problems_are_solved(isa, batch, channels, length, kind):
    varying, paired, starts, adjoint = kind
    assert_solves(
        problem((batch, channels), length, (varying, paired, starts and not adjoint, adjoint), torch.float64)
    )


@EVERY_KIND
def test_every_element_of_the_result_is_written(
    isa, dtype, varying, paired, starts, adjoint, nan_in_new_memory
):
    for length in (1, 64, 67):
        p = problem((1, 19), length, (varying, paired, starts, adjoint), dtype)
        assert recurrence.solve(p, *operands(p)).isfinite().all()


@EVERY_KIND
def test_two_threads_give_the_same_bits_as_one(isa, dtype, varying, paired, starts, adjoint):
    p = problem((3, 40), 1500, (varying, paired, starts, adjoint), dtype)
    tensors = operands(p)
    alone = recurrence.solve(p, *tensors)
    torch.set_num_threads(2)
    assert torch.equal(recurrence.solve(p, *tensors), alone)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_non_finite_input_reaches_only_the_steps_after_it(isa, dtype, poison):
    p = problem((2, 9), 90, (True, False, False, False), dtype)
    a, x = operands(p)
    clean = recurrence.solve(p, a, x)
    x[1, 4, 50] = poison
    got = recurrence.solve(p, a, x)
    touched = torch.zeros(got.shape, dtype=torch.bool)
    touched[1, 4, 50:] = True
    assert not got[touched].isfinite().any()
    assert torch.equal(got[~touched], clean[~touched])


@EVERY_KIND
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_float32_rounded_once(isa, half, varying, paired, starts, adjoint):
    kind = varying, paired, starts, adjoint
    p = problem((2, 9), 83, kind, half)
    tensors = operands(p)
    wide = problem((2, 9), 83, kind, torch.float32)
    expected = recurrence.solve(wide, *(tensor.float() for tensor in tensors)).to(half)
    assert torch.equal(recurrence.solve(p, *tensors), expected)


def test_operands_that_the_problem_does_not_describe_are_refused():
    p = problem((2, 3), 8, (False, False, True, False), torch.float32)
    a, x, initial = operands(p)
    with pytest.raises(ShapeError, match=r"expected the initial state \(2, 3\), got \(2, 1\)"):
        recurrence.solve(p, a, x, initial[:, :1])
