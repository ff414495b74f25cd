"""Sampled convolution in the interpreter: the sum and its gradients."""

import pytest
import torch
from tests.backends.triton.solved import assert_solves, operands_of

from circulant.backends.torch import sampled_conv as by_torch
from circulant.backends.triton import sampled_conv
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.sampled_conv import SampledConvProblem
from circulant.problems.trilinear import Slot


def problem(spatial, kernel, stride, padding, dilation, groups, channels, dtype=torch.float64, batch=2):
    window = ConvolutionProblem(
        dtype, Slot.OUTPUT, batch, channels, channels, spatial, kernel, stride, padding, dilation, channels
    )
    return SampledConvProblem(dtype, groups, window)


# spatial, kernel, stride, padding, dilation, groups, channels
GEOMETRIES = {
    "one pixel": ((1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, 1),
    "image": ((5, 4), (2, 2), (1, 1), ((1, 0), (0, 1)), (1, 1), 1, 2),
    "stride and dilation": ((5, 6), (2, 1), (2, 1), ((1, 1), (0, 0)), (3, 1), 2, 2),
    "series": ((12,), (3,), (2,), ((4, 0),), (2,), 2, 4),
    "volume": ((2, 3, 3), (1, 2, 1), (1, 1, 2), ((0, 0), (1, 0), (0, 0)), (1, 1, 1), 1, 1),
}


def moved(operands):
    """Offsets of some samples, so that places lie between samples, and some outside of the input."""
    x, offset, modulation = operands
    return x, 2 * offset, modulation


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_geometry_equals_the_reference(geometry):
    def solve(p, *operands):
        return sampled_conv.solve(p, *operands)

    assert_solves(solve, problem(*GEOMETRIES[geometry]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_each_dtype_equals_the_reference(dtype):
    assert_solves(sampled_conv.solve, problem(*GEOMETRIES["series"], dtype=dtype))


def gradients(p, x, offset, modulation, g):
    return p.split(sampled_conv.solve(p.gradients(), x, offset, modulation, g))


@pytest.mark.parametrize("geometry", ["image", "series", "volume"])
def test_gradients_equal_those_of_differentiated_code(geometry):
    p = problem(*GEOMETRIES[geometry])
    operands = moved(operands_of(p))
    g = torch.randn(p.result_shape, dtype=torch.float64)
    expected = torch.func.vjp(lambda *inner: by_torch.direct(p, *inner), *operands)[1](g)
    names = ("x", "offset", "modulation")
    for name, one, other in zip(names, gradients(p, *operands, g), expected, strict=True):
        assert_close(one, other, what=name)


def test_gradients_of_half_precision_are_added_in_float32():
    p = problem(*GEOMETRIES["series"], dtype=torch.bfloat16)
    operands = moved(operands_of(p))
    g = torch.randn(p.result_shape).bfloat16()
    doubles = [operand.double() for operand in (*operands, g)]
    expected = gradients(problem(*GEOMETRIES["series"]), *doubles)
    for one, other in zip(gradients(p, *operands, g), expected, strict=True):
        assert one.dtype == torch.bfloat16
        assert_close(one, other, RELATIVE[torch.bfloat16])


def test_the_gradient_of_the_output_and_its_slopes_are_those_of_the_equation():
    p = problem(*GEOMETRIES["one pixel"], batch=1)
    x, modulation = torch.ones(1, 1, 1, 1).double(), torch.ones(1, 1, 1, 1, 1).double()
    offset = torch.full((1, 1, 1, 2, 1, 1), 0.25, dtype=torch.float64)
    assert sampled_conv.solve(p, x, offset, modulation).item() == pytest.approx(0.75**2)
    of_x, slopes, of_modulation = gradients(p, x, offset, modulation, torch.ones_like(x))
    assert of_x.item() == of_modulation.item() == pytest.approx(0.75**2)
    assert slopes.flatten().tolist() == pytest.approx([-0.75, -0.75])


@pytest.mark.parametrize("far", [3.0, 1e6, -3.0, -1e6])
def test_places_far_outside_give_nothing_and_no_slope(far):
    p = problem((4,), (1,), (1,), ((0, 0),), (1,), 1, 1, batch=1)
    x, modulation = torch.ones(1, 1, 4).double(), torch.ones(1, 1, 1, 4).double()
    offset = torch.full((1, 1, 1, 1, 4), far * 2, dtype=torch.float64)
    assert not sampled_conv.solve(p, x, offset, modulation).any()
    assert not gradients(p, x, offset, modulation, torch.ones_like(x))[1].any()


def test_at_whole_places_the_slope_is_that_to_the_right():
    p = problem((3,), (1,), (1,), ((0, 0),), (1,), 1, 1, batch=1)
    x = torch.tensor([[[1.0, 4.0, 9.0]]], dtype=torch.float64)
    offset = torch.zeros(1, 1, 1, 1, 3, dtype=torch.float64)
    slopes = gradients(p, x, offset, torch.ones(1, 1, 1, 3).double(), torch.ones_like(x))[1]
    assert slopes.flatten().tolist() == [3.0, 5.0, -9.0]
