"""The native depthwise convolution and its gradients against torch's in float64."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from circulant.backends.native import depthwise_conv
from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot


def problem(
    spatial,
    kernel,
    stride=1,
    padding=0,
    dilation=1,
    multiplier=1,
    batch=2,
    channels=3,
    dtype=torch.float32,
):
    axes = len(spatial)

    def each(value):
        return (value,) * axes if isinstance(value, int) else tuple(value)

    return ConvolutionProblem(
        dtype=dtype,
        slot=Slot.OUTPUT,
        batch=batch,
        in_channels=channels,
        out_channels=channels * multiplier,
        spatial=spatial,
        kernel=kernel,
        stride=each(stride),
        padding=tuple((side, side) if isinstance(side, int) else side for side in each(padding)),
        dilation=each(dilation),
        groups=channels,
    )


def operands(p):
    shapes = (p.input_shape, p.weight_shape, p.output_shape)
    return tuple(torch.randn(shape, dtype=p.dtype) for shape in shapes)


def solve_all(p, x, weight, g):
    """Output, input gradient and kernel gradient."""
    return (
        depthwise_conv.output(p, x, weight),
        depthwise_conv.input_gradient(p, g, weight),
        depthwise_conv.kernel_gradient(p, x, g),
    )


def reference(p, x, weight, g):
    """The same three by torch in float64."""
    x, weight = x.double().requires_grad_(), weight.double().requires_grad_()
    convolve = {1: F.conv1d, 2: F.conv2d}[len(p.spatial)]
    padded = F.pad(x, [side for pair in reversed(p.padding) for side in pair])
    y = convolve(padded, weight, stride=p.stride, dilation=p.dilation, groups=p.groups)
    return (y.detach(), *torch.autograd.grad(y, (x, weight), g.double()))


def assert_all_close(p):
    tensors = operands(p)
    names = ("output", "input gradient", "kernel gradient")
    pairs = zip(names, solve_all(p, *tensors), reference(p, *tensors), strict=True)
    for name, got, expected in pairs:
        assert_close(got, expected, what=f"{name} of {p}")


GEOMETRIES = {
    "one pixel": {"spatial": (1, 1), "kernel": (1, 1)},
    "one axis": {"spatial": (70,), "kernel": (9,), "padding": [(8, 0)]},
    "small image": {"spatial": (14, 14), "kernel": (7, 7), "padding": 3},
    "odd image": {"spatial": (31, 37), "kernel": (5, 3), "padding": (2, 1)},
    "wide image": {"spatial": (5, 131), "kernel": (3, 5), "padding": (1, 2)},
    "large kernel": {"spatial": (29, 29), "kernel": (31, 31), "padding": 15},
    "even kernel": {"spatial": (12, 20), "kernel": (4, 6), "padding": [(1, 2), (2, 3)]},
    "stride": {"spatial": (33, 40), "kernel": (3, 5), "stride": (2, 3), "padding": 2},
    "stride beyond the kernel": {"spatial": (17, 19), "kernel": (2, 1), "stride": (5, 4)},
    "dilation": {"spatial": (30, 41), "kernel": (3, 5), "dilation": (4, 3), "padding": 6},
    "stride and dilation": {"spatial": (30, 41), "kernel": (3, 5), "stride": (3, 2), "dilation": (2, 3)},
    "padding beyond the kernel": {"spatial": (4, 5), "kernel": (2, 3), "padding": (7, 9), "stride": (1, 2)},
    "four outputs for each input": {"spatial": (15, 18), "kernel": (3, 3), "padding": 1, "multiplier": 4},
}


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_geometry_equals_torch(isa, dtype, geometry):
    assert_all_close(problem(**GEOMETRIES[geometry], dtype=dtype))


def test_every_width_to_40_equals_torch(isa, dtype):
    for width in range(1, 41):
        assert_all_close(problem((3, width), (3, 3), padding=1, batch=1, channels=2, dtype=dtype))


@st.composite
def axes(draw):
    kernel, dilation = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    padding = (draw(st.integers(0, 7)), draw(st.integers(0, 7)))
    return draw(st.integers(1, 40)), kernel, draw(st.integers(1, 5)), padding, dilation


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(axes(), min_size=1, max_size=2), st.integers(1, 3), st.integers(1, 3))
def test_drawn_geometries_equal_torch(isa, drawn, channels, multiplier):
    spatial, kernel, stride, padding, dilation = zip(*drawn, strict=True)
    p = problem(spatial, kernel, stride, padding, dilation, multiplier, 2, channels, torch.float64)
    assume(min(p.output_spatial) >= 1)
    assert_all_close(p)


def test_every_element_of_the_result_is_written(isa, dtype, nan_in_new_memory):
    for geometry in ("one pixel", "odd image", "stride beyond the kernel", "stride and dilation"):
        p = problem(**GEOMETRIES[geometry], dtype=dtype)
        for result in solve_all(p, *operands(p)):
            assert result.isfinite().all()


def test_two_threads_give_the_same_bits_as_one(isa, dtype):
    p = problem((40, 40), (9, 9), padding=4, channels=5, dtype=dtype)
    tensors = operands(p)
    alone = solve_all(p, *tensors)
    torch.set_num_threads(2)
    for one, two in zip(alone, solve_all(p, *tensors), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_non_finite_sample_reaches_only_the_outputs_that_see_it(isa, dtype, poison):
    p = problem((9, 37), (3, 3), padding=1, dtype=dtype)
    x, weight, _ = operands(p)
    clean = depthwise_conv.output(p, x, weight)
    x[1, 2, 4, 20] = poison
    touched = torch.zeros(p.output_shape, dtype=torch.bool)
    touched[1, 2, 3:6, 19:22] = True
    y = depthwise_conv.output(p, x, weight)
    assert not y[touched].isfinite().any()
    assert torch.equal(y[~touched], clean[~touched])


def test_a_non_finite_sample_reaches_only_the_taps_that_see_it(isa, dtype):
    p = problem((1, 21), (1, 5), batch=1, channels=1, dtype=dtype)
    x, _, g = operands(p)
    x[..., 20] = float("inf")  # only the last tap of the last output meets it
    gradient = depthwise_conv.kernel_gradient(p, x, g)[0, 0, 0]
    assert gradient.isfinite().tolist() == [True, True, True, True, False]


def test_channels_last_operands_are_read_as_they_look():
    p = problem((12, 13), (3, 3), padding=1)
    tensors = operands(p)
    x, g = (tensor.to(memory_format=torch.channels_last) for tensor in (tensors[0], tensors[2]))
    assert not x.is_contiguous() and not g.is_contiguous()
    for got, expected in zip(solve_all(p, x, tensors[1], g), solve_all(p, *tensors), strict=True):
        assert torch.equal(got, expected)


@pytest.mark.parametrize("slot", Slot)
def test_solve_picks_the_slot(slot):
    p = problem((9, 10), (3, 3), stride=2, padding=1).for_slot(slot)
    x, weight, g = operands(p)
    pair = {Slot.OUTPUT: (x, weight), Slot.INPUT: (g, weight), Slot.KERNEL: (x, g)}[slot]
    expected = dict(zip((Slot.OUTPUT, Slot.INPUT, Slot.KERNEL), reference(p, x, weight, g), strict=True))
    assert_close(depthwise_conv.solve(p, *pair), expected[slot])


def test_operands_that_the_problem_does_not_describe_are_refused():
    p = problem((9, 10), (3, 3))
    with pytest.raises(ShapeError, match=r"expected weight \(3, 1, 3, 3\), got \(3, 1, 3, 2\)"):
        depthwise_conv.output(p, torch.randn(2, 3, 9, 10), torch.randn(3, 1, 3, 2))
