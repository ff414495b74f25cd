"""Peers at sizes that hurt, in float64 against the problems' own references."""

import pytest
import torch
from tests.bench.specimens import TINY

from circulant.bench.operations.table import OPERATIONS
from circulant.bench.peers import torch_inverse_conv, torch_pool, torch_recurrence
from circulant.bench.workload import groups
from circulant.core.tolerances import relative_error
from circulant.problems import inverse_conv, recurrence
from circulant.problems.inverse_conv import InverseConvProblem
from circulant.problems.recurrence import RecurrenceProblem

INVERSES = [torch_inverse_conv.row_by_row, torch_inverse_conv.fixed_point]


def randn(*shape):
    return torch.randn(shape, dtype=torch.float64)


@pytest.mark.parametrize("length", [1, 2, 7, 16, 63])
@pytest.mark.parametrize("scan", [torch_recurrence.doubling, torch_recurrence.chunked])
def test_scans_equal_the_recurrence_also_where_factors_vanish_or_grow(scan, length):
    a, x = randn(2, 3, length), randn(2, 3, length)
    a[0, 0] = 0.0
    a[0, 1] = 1.5
    problem = RecurrenceProblem(torch.float64, 2, 3, length, True, False, False, False)
    exact = recurrence.reference(problem, a, x)
    assert relative_error(scan((2, 3, length))(a, x), exact) < 1e-12


@pytest.mark.parametrize("solve", INVERSES)
@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_inverses_are_right_for_kernels_that_do_not_contract_and_read_no_fixed_tap(solve, kernel):
    y, weight = randn(2, 3, 4, 4), randn(3, 3, kernel, kernel)
    problem = InverseConvProblem(torch.float64, 2, 3, (4, 4), (kernel, kernel), False)
    exact = inverse_conv.reference(problem, y, weight)
    weight[~inverse_conv.free_taps(weight)] = float("nan")
    assert relative_error(solve((2, 3, 4, kernel))(y, weight), exact) < 1e-10


@pytest.mark.parametrize("shape", [s for g in groups() if g.operation == "inverse_conv2d" for s in g.shapes])
def test_no_solution_that_is_timed_grows_from_place_to_place(shape):
    y, weight = OPERATIONS["inverse_conv2d"](shape).operands(shape)
    x = torch_inverse_conv.fixed_point(shape)(y, weight)
    assert 0.5 < x.abs().max() / y.abs().max() < 2


def test_the_sampling_contestant_convolves_and_does_not_hand_over_what_is_expected():
    shape = TINY["inverse_conv2d"]
    operation = OPERATIONS["inverse_conv2d"](shape)
    case = operation.case(shape, next(iter(groups())).passes, 1)
    convolve = next(c for c in operation.contestants if c.name.endswith("convolution instead")).prepare(case)
    assert relative_error(convolve()[0], case.expected[0]) < 1e-6
    case.operands[1].zero_()  # the kernel that it reads in every call
    assert relative_error(convolve()[0], case.expected[0]) > 1e-2


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (5, 2), (9, 4)])
def test_windows_by_axes_equal_windows_at_once(size):
    shape = (2, 3, 8, *size)
    x = randn(2, 3, 8, 8)
    largest = torch_pool.max_pool2d(shape)(x), torch_pool.max_pool2d_by_axes(shape)(x)
    averages = torch_pool.avg_pool2d(shape)(x), torch_pool.avg_pool2d_by_axes(shape)(x)
    assert torch.equal(*largest) and relative_error(averages[1], averages[0]) < 1e-12
