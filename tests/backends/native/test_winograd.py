"""Winograd's convolution against torch's own in float64: values, the input's gradient, errors, memory."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from circulant.algorithms.winograd import Winograd
from circulant.backends.native import core, winograd
from circulant.core.errors import NoPlanError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine import planner
from circulant.engine.choice import Choice
from circulant.functional import conv2d
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

NONE, ONE = ((0, 0), (0, 0)), ((1, 1), (1, 1))


def problem(channels, spatial, padding=ONE, dtype=torch.float64, batch=2, slot=Slot.OUTPUT):
    steps = (1, 1)
    return ConvolutionProblem(dtype, slot, batch, *channels, spatial, (3, 3), steps, padding, steps, 1)


def operands(p):
    generator = torch.Generator().manual_seed(0)
    shapes = (p.output_shape if p.slot is Slot.INPUT else p.input_shape, p.weight_shape)
    return tuple(torch.randn(s, dtype=torch.float64, generator=generator).to(p.dtype) for s in shapes)


def by_torch(p, first, weight):
    first, weight = first.double(), weight.double()
    if p.slot is Slot.INPUT:
        return p.crop(F.conv_transpose2d(first, weight))
    return F.conv2d(p.pad(first), weight)


GEOMETRIES = {
    "one output": {"channels": (1, 1), "spatial": (3, 3), "padding": NONE},
    "one pixel": {"channels": (3, 2), "spatial": (1, 1)},
    "patches of two": {"channels": (5, 7), "spatial": (6, 2)},
    "narrow": {"channels": (4, 13), "spatial": (30, 5), "padding": NONE},
    "ragged": {"channels": (7, 9), "spatial": (21, 79)},
    "one-sided padding": {"channels": (2, 3), "spatial": (9, 34), "padding": ((2, 0), (0, 1))},
    "pieces of rows": {"channels": (70, 3), "spatial": (5, 500), "batch": 1},
    "many channels": {"channels": (300, 20), "spatial": (14, 14), "batch": 1},
}


@pytest.mark.parametrize("slot", [Slot.OUTPUT, Slot.INPUT], ids=lambda slot: slot.value)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_geometry_equals_torch(isa, slot, geometry, nan_in_new_memory):
    p = problem(**GEOMETRIES[geometry], slot=slot)
    assert_close(winograd.solve(p, *operands(p)), by_torch(p, *operands(p)), 1e-11)


@st.composite
def problems(draw):
    padding = tuple((draw(st.integers(0, 4)), draw(st.integers(0, 4))) for _ in range(2))
    sizes = st.integers(1, 40)
    channels = draw(st.integers(1, 9)), draw(st.integers(1, 20))
    p = problem(channels, (draw(sizes), draw(sizes)), padding, batch=draw(st.integers(1, 3)))
    assume(min(p.output_spatial) >= 1)
    return p


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problems())
def test_drawn_geometries_equal_torch(isa, p):
    assert_close(winograd.solve(p, *operands(p)), by_torch(p, *operands(p)), 1e-11)


SIZES = [((1, 1), (30, 30)), ((3, 16), (6, 6)), ((64, 64), (28, 28)), ((32, 8), (2, 2))]


def l2_error(got, expected):
    return ((got.double() - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize(("channels", "spatial"), SIZES, ids=str)
def test_errors_are_within_what_the_plan_expects(isa, channels, spatial):
    p = problem(channels, spatial, dtype=torch.float32)
    x, weight = operands(p)
    error = l2_error(winograd.solve(p, x, weight), by_torch(p, x, weight))
    assert error <= Winograd().work(p).error(torch.float32)


def test_larger_patches_are_less_exact_and_a_tolerance_between_refuses_them():
    p = problem((64, 64), (28, 28), dtype=torch.float32)
    x, weight = operands(p)
    exact = by_torch(p, x, weight)
    direct = l2_error(F.conv2d(x, weight, padding=1), exact)
    assert Winograd().patch(p) == 4
    assert l2_error(winograd.solve(p, x, weight), exact) > 3 * direct
    tolerance = Winograd().work(p).error(torch.float32) / 2
    plan = planner.plan(p, Choice(tolerance=tolerance))
    refused = {str(c.implementation) for c in plan.candidates if not c.is_possible}
    assert "winograd on native" in refused
    assert "direct on torch" not in refused


def test_it_takes_less_than_half_of_the_arithmetic_of_direct_sums():
    p = problem((64, 64), (56, 56), batch=8)
    assert Winograd().work(p).flop < p.flop / 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_workspace_of_the_plan_is_the_one_that_is_allocated(geometry, dtype):
    p, module = problem(**GEOMETRIES[geometry], dtype=dtype), core.load()
    scalar = getattr(module.Scalar, str(dtype).removeprefix("torch."))
    sizes = winograd.sizes(p)
    allocated = module.winograd_workspace(sizes, scalar) + module.winograd_filters(sizes, scalar)
    assert Winograd().work(p).workspace(1) == allocated


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_computed_in_float32_and_rounded_once(isa, dtype):
    p = problem((5, 9), (11, 40), dtype=dtype)
    x, weight = operands(p)
    exact = by_torch(p, x, weight)
    bound = {torch.float16: 2**-11, torch.bfloat16: 2**-8}[dtype]
    error = (winograd.solve(p, x, weight).double() - exact).abs()
    assert (error <= 1.01 * bound * exact.abs() + 1e-4).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_reaches_its_windows_and_nothing_beyond_its_patches(isa, bad):
    p = problem((2, 3), (16, 40), dtype=torch.float32)
    x, weight = operands(p)
    x[0, 1, 9, 22] = bad
    y = winograd.solve(p, x, weight)
    bad_outputs = ~y.isfinite()
    assert bad_outputs[0, :, 8:11, 21:24].all()
    bad_outputs[0, :, 8:12, 20:24] = False  # the patch of 4 x 4 around it: none other meets the sample
    assert not bad_outputs.any()


def test_results_do_not_depend_on_the_number_of_threads():
    p = problem((20, 30), (50, 70), dtype=torch.float32)
    alone = winograd.solve(p, *operands(p))
    torch.set_num_threads(2)
    for _ in range(3):
        assert torch.equal(winograd.solve(p, *operands(p)), alone)


def test_a_caller_may_insist_on_it_and_has_the_gradient_of_the_input():
    x = torch.randn(2, 3, 9, 12, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 3, 3, 3, dtype=torch.float64)
    y = conv2d(x, weight, padding=1, algorithm="winograd")
    expected = F.conv2d(x, weight, padding=1)
    assert_close(y, expected)
    cotangent = torch.randn_like(y)
    got, wanted = (torch.autograd.grad(value, x, cotangent)[0] for value in (y, expected))
    assert_close(got, wanted)


REFUSED = {
    "a stride": ({"stride": 2}, (4, 3, 3, 3), "without stride or dilation"),
    "five taps": ({}, (4, 3, 5, 5), "takes 3x3 taps"),
    "groups": ({"groups": 3}, (3, 1, 3, 3), "one group of channels, the problem has 3"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_convolutions_are_refused_by_name(name):
    steps, shape, words = REFUSED[name]
    with pytest.raises(NoPlanError, match=words):
        conv2d(torch.zeros(1, 3, 9, 9), torch.zeros(shape), algorithm="winograd", **steps)


def test_gradients_that_it_cannot_solve_for_are_refused_by_name():
    assert "kernel" in Winograd().rejects(problem((1, 1), (9, 9), slot=Slot.KERNEL)).reason
    wide = problem((1, 1), (9, 9), ((3, 0), (0, 0)), slot=Slot.INPUT)
    assert "padding of at most 2" in Winograd().rejects(wide).reason


def test_operands_of_other_shapes_are_refused():
    p = problem((3, 4), (8, 8))
    x, weight = operands(p)
    with pytest.raises(ShapeError, match="expected weight"):
        winograd.solve(p, x, weight[:2])
