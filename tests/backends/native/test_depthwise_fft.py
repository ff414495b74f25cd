"""Depthwise convolution by FFT against torch's own convolution in float64."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.nn.functional import conv1d, conv2d, conv3d

from circulant.algorithms.fft import FusedFFTDepthwise
from circulant.backends.native import depthwise_fft
from circulant.core.tolerances import assert_close
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

CONV = {1: conv1d, 2: conv2d, 3: conv3d}
GEOMETRIES = {
    "large kernel, same": ((20, 17), (13, 9), (1, 1), ((6, 6), (4, 4)), (1, 1)),
    "kernel wider than the image": ((5, 6), (11, 13), (1, 1), ((5, 5), (6, 6)), (1, 1)),
    "one tap, much padding": ((3, 4), (1, 1), (1, 1), ((5, 5), (2, 2)), (1, 1)),
    "strided": ((19, 23), (7, 5), (2, 3), ((3, 3), (2, 2)), (1, 1)),
    "dilated": ((19, 23), (4, 5), (1, 2), ((3, 3), (8, 8)), (3, 4)),
    "uneven padding": ((9, 8), (5, 4), (1, 1), ((4, 0), (0, 3)), (1, 1)),
    "series": ((100,), (31,), (1,), ((30, 0),), (1,)),
    "volume": ((5, 6, 7), (3, 5, 4), (1, 2, 1), ((1, 1), (2, 2), (3, 0)), (1, 1, 2)),
}


def problem(geometry, batch=3, channels=2, dtype=torch.float32):
    spatial, kernel, stride, padding, dilation = geometry
    return ConvolutionProblem(
        dtype, Slot.OUTPUT, batch, channels, channels, spatial, kernel, stride, padding, dilation, channels
    )


def operands(p):
    def draw(shape):
        sign = torch.randint(0, 2, shape, dtype=p.dtype) * 2 - 1
        return sign * (0.5 + torch.rand(shape, dtype=p.dtype))

    return draw(p.input_shape), draw(p.weight_shape), draw(p.output_shape)


def solve_all(p, x, weight, g):
    return (
        depthwise_fft.solve(p, x, weight),
        depthwise_fft.solve(p.for_slot(Slot.INPUT), g, weight),
        depthwise_fft.solve(p.for_slot(Slot.KERNEL), x, g),
    )


def reference(p, x, weight, g):
    x, weight = x.double().requires_grad_(), weight.double().requires_grad_()
    y = CONV[p.ndim](p.pad(x), weight, stride=p.stride, dilation=p.dilation, groups=p.groups)
    return (y.detach(), *torch.autograd.grad(y, (x, weight), g.double()))


def assert_all_close(p):
    given_operands = operands(p)
    names = ("output", "input gradient", "kernel gradient")
    for name, got, expected in zip(names, solve_all(p, *given_operands), reference(p, *given_operands)):
        assert got.shape == expected.shape
        assert_close(got, expected, what=f"{name} of {p}")


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_output_and_gradients_equal_torchs(isa, dtype, geometry):
    assert_all_close(problem(geometry, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_rounded_once(isa, dtype):
    p = problem(GEOMETRIES["strided"], dtype=dtype)
    given_operands = operands(p)
    exact = solve_all(problem(GEOMETRIES["strided"]), *(tensor.float() for tensor in given_operands))
    for got, wide in zip(solve_all(p, *given_operands), exact, strict=True):
        assert torch.equal(got, wide.to(dtype))


@given(st.data())
def test_any_geometry_equals_torchs(data):
    ndim = data.draw(st.integers(1, 3))

    def sizes(low, high):
        return data.draw(st.tuples(*[st.integers(low, high)] * ndim))

    padding = data.draw(st.tuples(*[st.tuples(st.integers(0, 6), st.integers(0, 6))] * ndim))
    p = problem((sizes(1, 9), sizes(1, 7), sizes(1, 3), padding, sizes(1, 3)), batch=2)
    assume(min(p.output_spatial) >= 1)
    assert_all_close(p)


def test_two_threads_give_the_same_bits_as_one(isa):
    p = problem(GEOMETRIES["large kernel, same"], batch=8, channels=24)
    given_operands = operands(p)
    alone = solve_all(p, *given_operands)
    torch.set_num_threads(2)
    assert all(torch.equal(a, b) for a, b in zip(alone, solve_all(p, *given_operands), strict=True))


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_every_element_of_the_result_is_written(isa, geometry, nan_in_new_memory):
    p = problem(geometry)
    for result in solve_all(p, *operands(p)):
        assert result.isfinite().all()


def test_a_non_finite_sample_stays_in_its_channel_and_image(isa):
    p = problem(GEOMETRIES["large kernel, same"])
    x, weight, g = operands(p)
    clean = solve_all(p, x, weight, g)
    x[1, 1, 3, 3] = g[1, 1, 3, 3] = float("nan")
    y, gx, gw = solve_all(p, x, weight, g)
    for got, expected in ((y, clean[0]), (gx, clean[1])):
        assert torch.equal(got[0], expected[0])
        assert torch.equal(got[1, 0], expected[1, 0])
        assert got[1, 1].isnan().any()
    assert torch.equal(gw[0], clean[2][0])
    assert gw[1].isnan().any()


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_the_algorithm_knows_the_length_of_the_row(geometry):
    p = problem(geometry)
    assert depthwise_fft._plan(p).samples == FusedFFTDepthwise().samples(p)


def test_a_plan_says_what_a_call_allocates():
    p = problem(((56, 56), (31, 31), (1, 1), ((15, 15), (15, 15)), (1, 1)))
    one = depthwise_fft.workspace_byte(p, 1)
    assert depthwise_fft.workspace_byte(p, 2) == 2 * one
    samples = FusedFFTDepthwise().samples(p)
    assert 5 * 4 * samples <= one <= 5 * 4 * samples * 1.15  # two buffers and three rows


def test_several_channels_out_for_one_in_are_refused():
    p = ConvolutionProblem(
        torch.float32, Slot.OUTPUT, 1, 2, 4, (8, 8), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 2
    )
    assert "as many channels out as in" in FusedFFTDepthwise().rejects(p).reason
    with pytest.raises(ValueError, match="as many channels out as in"):
        depthwise_fft.solve(p, torch.randn(p.input_shape), torch.randn(p.weight_shape))
