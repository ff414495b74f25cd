"""The native sampled convolution and its gradients against the value-by-value sum in float64."""

from functools import lru_cache

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from circulant.algorithms.direct_sampled import DirectSampled
from circulant.backends.native import sampled_conv
from circulant.backends.torch import sampled_conv as torch_sampled_conv
from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.sampled_conv import SampledConvProblem, SampledResult, reference
from circulant.problems.trilinear import Slot

RESULTS = pytest.mark.parametrize("result", SampledResult, ids=lambda result: result.value)


def problem(
    spatial, kernel, stride=1, padding=0, dilation=1, groups=1, per_group=3, batch=2, dtype=torch.float32
):
    def each(value):
        return (value,) * len(spatial) if isinstance(value, int) else tuple(value)

    sides = tuple((side, side) if isinstance(side, int) else side for side in each(padding))
    channels = groups * per_group
    window = ConvolutionProblem(
        dtype, Slot.OUTPUT, batch, channels, channels, tuple(spatial), tuple(kernel), each(stride), sides,
        each(dilation), channels,
    )  # fmt: skip
    return SampledConvProblem(dtype, groups, window)


def random_operands(p, spread=2.0):
    """Offsets in eighths, so that a place in float32 is the same as in float64."""
    x, offset, *rest = (torch.randn(shape, dtype=torch.float64) for shape in p.operand_shapes)
    offset = (offset * spread * 8).round() / 8
    return [operand.to(p.dtype) for operand in (x, offset, *rest)]


def results_of(p):
    return p, p.gradients()


def parts(p, row):
    return (row,) if p.result is SampledResult.OUTPUT else p.split(row)


@lru_cache(maxsize=64)
def expectation(solution, p, spread):
    """Operands, and the result from them in float64: the same for every instruction set."""
    operands = random_operands(p, spread)
    return operands, solution(p, *(operand.double() for operand in operands))


def assert_equals(solution, p, spread=2.0):
    """All results, and each of the three gradients by its own scale."""
    for own in results_of(p):
        operands, expected = expectation(solution, own, spread)
        got = sampled_conv.solve(own, *operands)
        for a, b in zip(parts(own, got), parts(own, expected), strict=True):
            assert_close(a, b, what=f"{own.result.value} of {own}")


GEOMETRIES = {
    "one pixel": {"spatial": (1, 1), "kernel": (1, 1)},
    "a line": {"spatial": (40,), "kernel": (3,), "padding": 1, "groups": 2, "per_group": 1},
    "a strided line": {"spatial": (67,), "kernel": (2,), "stride": 3, "dilation": 4, "padding": ((5, 0),)},
    "a picture": {"spatial": (4, 6), "kernel": (3, 3), "padding": 1, "batch": 1, "per_group": 2},
    "odd steps": {
        "spatial": (9, 8),
        "kernel": (2, 3),
        "stride": (2, 3),
        "dilation": (3, 1),
        "padding": (2, 4),
    },
    "padding beyond the kernel": {"spatial": (2, 3), "kernel": (1, 2), "padding": 5},
    "a volume": {"spatial": (3, 4, 5), "kernel": (2, 1, 2), "padding": (1, 0, 1), "batch": 1, "per_group": 2},
    "a strided volume": {"spatial": (4, 3, 5), "kernel": (1, 2, 2), "stride": (2, 1, 2), "batch": 1},
}


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("spread", [0.0, 0.4, 30.0])
def test_each_geometry_equals_the_sum(isa, geometry, spread):
    assert_equals(reference, problem(**GEOMETRIES[geometry], dtype=torch.float64), spread)


@pytest.mark.parametrize("per_group", [1, 2, 3, 5, 8, 13, 16, 17, 32, 48, 67, 130])
def test_groups_of_each_width_equal_the_gathered_corners(isa, dtype, per_group):
    p = problem((5, 11), (3, 3), padding=1, groups=2, per_group=per_group, batch=1, dtype=dtype)
    assert_equals(torch_sampled_conv.direct, p)


@st.composite
def problems(draw):
    ndim = draw(st.integers(1, 3))

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(ndim))

    p = problem(
        each(1, 60 // ndim**3 + 2), each(1, 3), each(1, 3), tuple(zip(each(0, 4), each(0, 4), strict=True)),
        each(1, 3), draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 5, 19])), draw(st.integers(1, 2)),
        torch.float64,
    )  # fmt: skip
    assume(min(p.window.output_spatial) >= 1)
    return p


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problems(), st.sampled_from([0.0, 0.7, 4.0, 1000.0]))
def test_drawn_geometries_equal_the_gathered_corners(isa, p, spread):
    assert_equals(torch_sampled_conv.direct, p, spread)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
@RESULTS
def test_half_precision_is_that_of_float32_rounded_once(isa, half, result):
    shape = {"spatial": (6, 9), "kernel": (3, 3), "padding": 1, "groups": 2, "per_group": 20}
    p, wide = problem(**shape, dtype=half), problem(**shape)
    if result is SampledResult.GRADIENTS:
        p, wide = p.gradients(), wide.gradients()
    operands = random_operands(p)
    expected = sampled_conv.solve(wide, *(operand.float() for operand in operands)).to(half)
    assert torch.equal(sampled_conv.solve(p, *operands), expected)


def test_every_element_of_the_results_is_written(isa, dtype, nan_in_new_memory):
    for geometry in GEOMETRIES.values():
        for p in results_of(problem(**geometry, dtype=dtype)):
            assert sampled_conv.solve(p, *random_operands(p)).isfinite().all()


@RESULTS
def test_two_threads_give_the_same_bits_as_one(isa, dtype, result):
    p = problem((30, 30), (3, 3), padding=1, groups=3, per_group=20, dtype=dtype)
    p = p if result is SampledResult.OUTPUT else p.gradients()
    operands = random_operands(p)
    alone = sampled_conv.solve(p, *operands)
    torch.set_num_threads(2)
    assert torch.equal(sampled_conv.solve(p, *operands), alone)


@pytest.mark.parametrize("far", [1e30, -1e30, float("inf"), -float("inf")])
def test_places_far_outside_read_zero_and_have_no_slope(isa, dtype, far):
    p = problem((6, 7), (3, 3), padding=1, dtype=dtype)
    x, offset, modulation, g = random_operands(p.gradients())
    moved = offset.clone()
    moved[:, :, 4, 1] = far
    without = modulation.clone()
    without[:, :, 4] = 0
    assert torch.equal(sampled_conv.solve(p, x, moved, modulation), sampled_conv.solve(p, x, offset, without))
    gx, go, ga = p.split(sampled_conv.solve(p.gradients(), x, moved, modulation, g))
    assert gx.isfinite().all()
    assert not go[:, :, 4].any()
    assert not ga[:, :, 4].any()


@pytest.mark.parametrize("solve", [sampled_conv.solve, torch_sampled_conv.direct], ids=["native", "torch"])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_place_that_is_no_number_spoils_only_the_outputs_that_read_there(isa, solve, axis):
    p = problem((6, 9), (3, 3), padding=1, groups=2, dtype=torch.float64)
    x, offset, modulation, g = random_operands(p.gradients())
    clean = solve(p, x, offset, modulation)
    clean_modulation = p.split(solve(p.gradients(), x, offset, modulation, g))[2]
    offset[1, 1, 4, axis, 2, 7] = float("nan")
    touched = torch.zeros(p.result_shape, dtype=torch.bool)
    touched[1, 3:, 2, 7] = True
    y = solve(p, x, offset, modulation)
    assert y[touched].isnan().all()
    assert torch.equal(y[~touched], clean[~touched])
    gradient = p.split(solve(p.gradients(), x, offset, modulation, g))[2]
    touched = torch.zeros_like(gradient, dtype=torch.bool)
    touched[1, 1, 4, 2, 7] = True
    assert gradient[touched].isnan().all()
    assert torch.equal(gradient[~touched], clean_modulation[~touched])


def test_a_nan_in_the_input_reaches_only_the_outputs_that_read_it(isa, dtype):
    p = problem((8, 9), (1, 1), per_group=20, dtype=dtype)
    x, offset, modulation = random_operands(p)
    offset = torch.full_like(offset, 0.5)
    clean = sampled_conv.solve(p, x, offset, modulation)
    x[1, 17, 4, 5] = float("nan")
    touched = torch.zeros(p.result_shape, dtype=torch.bool)
    touched[1, 17, 3:5, 4:6] = True
    y = sampled_conv.solve(p, x, offset, modulation)
    assert y[touched].isnan().all()
    assert torch.equal(y[~touched], clean[~touched])


@RESULTS
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("per_group", [1, 3, 20, 200])
def test_the_plan_states_the_memory_that_a_thread_holds(dtype, result, geometry, per_group):
    p = problem(**{**GEOMETRIES[geometry], "per_group": per_group}, dtype=dtype)
    p = p if result is SampledResult.OUTPUT else p.gradients()
    assert DirectSampled().work(p).thread_byte == sampled_conv.scratch_byte(p)


def test_planes_that_are_too_large_to_count_are_refused():
    p = problem((50_000, 50_000), (1, 1))
    assert "at most 2147483647 pixels" in DirectSampled().rejects(p).reason


def test_operands_that_the_problem_does_not_describe_are_refused():
    p = problem((5, 6), (3, 3), padding=1)
    x, offset, modulation = random_operands(p)
    with pytest.raises(ShapeError, match=r"expected offset \(2, 1, 9, 2, 5, 6\), got"):
        sampled_conv.solve(p, x, offset[:, :, :4], modulation)
    with pytest.raises(ShapeError, match=r"expected modulation \(2, 1, 9, 5, 6\), got"):
        sampled_conv.solve(p, x, offset, modulation[..., :2])
