"""Sliding-window pooling against torch's, and what the plan says of it."""

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from circulant.algorithms.sliding_pool import SlidingPool, joins
from circulant.backends.native import core, sliding_pool
from circulant.backends.torch import pooling as torch_pooling
from circulant.core.tolerances import assert_close
from circulant.problems.pooling import PoolingProblem, PoolMode, reference

MODES = pytest.mark.parametrize("mode", PoolMode, ids=lambda mode: mode.value)


def problem(mode, spatial, kernel, stride=1, padding=0, dtype=torch.float32, channels=3):
    def each(value):
        return (value,) * len(spatial) if isinstance(value, int) else tuple(value)

    return PoolingProblem(dtype, mode, 2, channels, spatial, each(kernel), each(stride), each(padding))


GEOMETRIES = {
    "one pixel": {"spatial": (1, 1), "kernel": 1},
    "series": {"spatial": (300,), "kernel": 31, "padding": 15},
    "long series": {"spatial": (50_000,), "kernel": 1000, "stride": 7},
    "halves": {"spatial": (14, 14), "kernel": 2, "stride": 2},
    "first layer": {"spatial": (57, 57), "kernel": 3, "stride": 2, "padding": 1},
    "wide windows": {"spatial": (56, 56), "kernel": 13, "padding": 6},
    "tall windows": {"spatial": (70, 9), "kernel": (64, 2), "padding": (32, 1)},
    "large planes": {"spatial": (150, 170), "kernel": (5, 6), "stride": (1, 3), "padding": (2, 0)},
}


@MODES
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_geometry_equals_torch_in_float64(isa, dtype, mode, geometry, nan_in_new_memory):
    p = problem(mode, **GEOMETRIES[geometry], dtype=dtype)
    x = torch.randn(p.input_shape, dtype=dtype)
    expected = torch_pooling.direct(p, x.double())
    got = sliding_pool.solve(p, x)
    if mode is PoolMode.MAX:
        assert torch.equal(got.double(), expected)
    assert_close(got, expected, 1e-12 if dtype is torch.float64 else 1e-5)


@st.composite
def problems(draw):
    ndim = draw(st.integers(1, 2))
    kernel = tuple(draw(st.integers(1, 20)) for _ in range(ndim))
    spatial = tuple(draw(st.integers(1, 50)) for _ in range(ndim))
    stride = tuple(draw(st.integers(1, 6)) for _ in range(ndim))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    p = problem(draw(st.sampled_from(PoolMode)), spatial, kernel, stride, padding, torch.float64)
    assume(min(p.output_spatial) >= 1)
    return p


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problems())
def test_drawn_windows_equal_the_definition(isa, p):
    x = torch.randn(p.input_shape, dtype=torch.float64)
    assert_close(sliding_pool.solve(p, x), reference(p, x), 1e-12)


@MODES
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_stays_within_its_windows_as_with_torch(isa, mode, bad):
    p = problem(mode, (9, 40), (3, 5), 1, (1, 2))
    x = torch.randn(p.input_shape)
    x[0, 1, 4, 20] = bad
    assert torch.equal(
        sliding_pool.solve(p, x).nan_to_num(7.0).isinf(), torch_pooling.direct(p, x).nan_to_num(7.0).isinf()
    )
    assert torch.equal(sliding_pool.solve(p, x).isnan(), torch_pooling.direct(p, x).isnan())


def test_an_average_has_no_memory_of_what_left_the_window():
    p = problem(PoolMode.AVERAGE, (2000,), 9)
    x = torch.randn(p.input_shape)
    x[..., :100] *= 1e20
    assert_close(sliding_pool.solve(p, x)[..., 120:], torch_pooling.direct(p, x.double())[..., 120:], 1e-5)


@MODES
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_rounded_once(isa, mode, dtype):
    p = problem(mode, (20, 33), 7, 2, 3, dtype)
    x = torch.randn(p.input_shape).to(dtype)
    assert_close(sliding_pool.solve(p, x), torch_pooling.direct(p, x.double()), 2.0**-8)


@MODES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16], ids=str)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_workspace_of_the_plan_is_the_one_that_is_allocated(mode, geometry, dtype):
    p, module = problem(mode, **GEOMETRIES[geometry], dtype=dtype), core.load()
    scalar = getattr(module.Scalar, str(dtype).removeprefix("torch."))
    assert SlidingPool().work(p).workspace(1) == module.sliding_pool_workspace(sliding_pool.sizes(p), scalar)


@MODES
def test_passes_grow_with_the_logarithm_of_the_window(mode):
    assert [joins(taps, mode) for taps in (1, 2, 4, 1024)] == (
        [0, 1, 2, 10] if mode is PoolMode.MAX else [1, 2, 3, 11]
    )
    for taps in range(1, 200):
        assert joins(taps, mode) <= 2 * taps.bit_length()


@MODES
def test_results_do_not_depend_on_the_number_of_threads(mode):
    p = problem(mode, (120, 120), 9, 1, 4, channels=16)
    x = torch.randn(p.input_shape)
    alone = sliding_pool.solve(p, x)
    torch.set_num_threads(2)
    assert torch.equal(sliding_pool.solve(p, x), alone)
