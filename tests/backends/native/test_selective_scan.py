"""The native selective scan and its gradients against the equation in float64, and its exponential."""

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circulant.backends.native import selective_scan
from circulant.core.errors import ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.problems.selective_scan import SelectiveScanProblem, reference

NAMES = ("u", "delta", "A", "B", "C", "the initial state")


def problem(batch=2, channels=3, groups=1, state=4, length=20, gradients=False, dtype=torch.float32):
    return SelectiveScanProblem(dtype, batch, channels, groups, state, length, gradients)


def operands(p):
    """Steps of positive time and decaying states, as models have them."""
    tensors = [torch.randn(shape, dtype=torch.float64) for shape in p.operand_shapes]
    tensors[1] = tensors[1].sigmoid()
    tensors[2] = -tensors[2].exp()
    wide = torch.float64 if p.dtype == torch.float64 else torch.float32
    kept = (2, 5, 6, 7)  # A, states and cotangents are never in half precision
    return [tensor.to(wide if index in kept else p.dtype) for index, tensor in enumerate(tensors)]


def assert_solves(p):
    tensors = operands(p)
    got = selective_scan.solve(p, *tensors)
    expected = reference(p, *(tensor.double() for tensor in tensors))
    names = NAMES if p.gradients else ("y", "the last state")
    tolerance = RELATIVE[got.dtype]
    for name, part, wanted in zip(names, p.split(got), p.split(expected), strict=True):
        assert_close(part, wanted, tolerance, what=f"{name} of {p}")


BOTH = pytest.mark.parametrize("gradients", [False, True], ids=["outputs", "gradients"])


@BOTH
@pytest.mark.parametrize("length", [1, 7, 15, 16, 17, 31, 33, 100, 300])
def test_any_length_equals_the_equation(isa, dtype, length, gradients):
    assert_solves(problem(batch=1, state=2, length=length, gradients=gradients, dtype=dtype))


@BOTH
@pytest.mark.parametrize(
    ("channels", "groups"), [(1, 1), (15, 1), (16, 1), (17, 1), (12, 3), (34, 2), (5, 5)], ids=str
)
def test_any_channels_and_groups_equal_the_equation(isa, dtype, channels, groups, gradients):
    assert_solves(problem(2, channels, groups, 3, 21, gradients, dtype))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_drawn_problems_equal_the_equation(isa, data):
    def drawn(most):
        return data.draw(st.integers(1, most))

    groups = drawn(3)
    sizes = drawn(3), groups * drawn(7), groups, drawn(5), drawn(50)
    assert_solves(problem(*sizes, data.draw(st.booleans()), torch.float64))


@BOTH
def test_every_element_of_the_result_is_written(isa, dtype, gradients, nan_in_new_memory):
    for length in (1, 16, 37):
        p = problem(2, 18, 2, 3, length, gradients, dtype)
        assert selective_scan.solve(p, *operands(p)).isfinite().all()


def test_outputs_of_two_threads_have_the_same_bits_as_of_one(isa, dtype):
    p = problem(2, 33, 1, 8, 500, dtype=dtype)
    tensors = operands(p)
    alone = selective_scan.solve(p, *tensors)
    torch.set_num_threads(2)
    assert torch.equal(selective_scan.solve(p, *tensors), alone)


@pytest.mark.parametrize("batch", [1, 2])
def test_gradients_of_two_threads_are_right_and_the_same_in_every_run(isa, dtype, batch):
    p = problem(batch, 33, 1, 8, 100, True, dtype)
    tensors = operands(p)
    alone = selective_scan.solve(p, *tensors)
    torch.set_num_threads(2)
    runs = [selective_scan.solve(p, *tensors) for _ in range(3)]
    assert all(torch.equal(run, runs[0]) for run in runs)
    for name, part, wanted in zip(NAMES, p.split(runs[0]), p.split(alone), strict=True):
        assert_close(part, wanted, what=name)


def decays(powers):
    """exp of each power, as what a state of 1 becomes in one step."""
    p = problem(1, powers.numel(), 1, 1, 1, dtype=powers.dtype)
    one, nought = torch.ones(p.input_shape, dtype=powers.dtype), torch.zeros(1, 1, 1, 1, dtype=powers.dtype)
    start = torch.ones(p.state_shape, dtype=powers.dtype)
    got = selective_scan.solve(p, torch.zeros_like(one), one, powers[:, None], nought, nought + 1, start)
    return p.split(got)[0].flatten()


def test_the_exponential_is_right_to_two_units_in_the_last_place(isa, dtype):
    info = torch.finfo(dtype)
    powers = torch.linspace(math.log(info.tiny) + 1, math.log(info.max) - 1, 20001, dtype=torch.float64)
    powers = torch.cat([powers, torch.linspace(-1, 1, 2001, dtype=torch.float64)]).to(dtype)
    exact = powers.double().exp()
    assert ((decays(powers).double() - exact).abs() / exact).max() <= 2 * info.eps


def test_the_exponential_underflows_overflows_and_keeps_nan(isa, dtype):
    powers = torch.tensor([-math.inf, -1e30, -1e4, 0.0, 1e4, 1e30, math.inf], dtype=dtype)
    assert torch.equal(decays(powers), powers.exp())
    assert decays(torch.tensor([math.nan], dtype=dtype)).isnan().all()


def test_subnormal_decays_are_gradual(isa, dtype):
    info = torch.finfo(dtype)
    powers = torch.linspace(math.log(info.smallest_normal) - 14, math.log(info.smallest_normal), 57).to(dtype)
    got = decays(powers).double()
    exact = powers.double().exp()
    assert ((got - exact).abs() <= 2 * info.eps * info.smallest_normal).all()
    assert (got > 0).all()


def test_a_non_finite_input_reaches_only_the_steps_of_its_channel_after_it(isa, dtype):
    p = problem(2, 5, 1, 3, 40, dtype=dtype)
    tensors = operands(p)
    clean, _ = p.split(selective_scan.solve(p, *tensors))
    tensors[0][1, 2, 20] = math.nan
    y, state = p.split(selective_scan.solve(p, *tensors))
    touched = torch.zeros(y.shape, dtype=torch.bool)
    touched[1, 2, 20:] = True
    assert y[touched].isnan().all()
    assert torch.equal(y[~touched], clean[~touched])
    assert state[1, 2].isnan().all()


@BOTH
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_only_how_operands_are_stored(isa, half, gradients):
    p = problem(2, 18, 2, 3, 37, gradients, half)
    tensors = operands(p)
    wide = problem(2, 18, 2, 3, 37, gradients, torch.float32)
    expected = selective_scan.solve(wide, *(tensor.float() for tensor in tensors))
    got = selective_scan.solve(p, *tensors)
    assert got.dtype == torch.float32
    assert torch.equal(got, expected)


def test_operands_that_the_problem_does_not_describe_are_refused():
    p = problem()
    tensors = operands(p)
    tensors[3] = tensors[3][..., 1:]
    with pytest.raises(ShapeError, match=r"expected B \(2, 1, 4, 20\), got \(2, 1, 4, 19\)"):
        selective_scan.solve(p, *tensors)
