"""Local convolution in the interpreter against the problem's reference in float64."""

import pytest
import torch
from tests.backends.triton.solved import assert_solves, operands_of

from circulant.backends.triton import local_conv
from circulant.core.errors import ShapeError
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import Slot

SLOTS = pytest.mark.parametrize("slot", Slot, ids=lambda slot: slot.value)


def problem(spatial, kernel, stride, padding, dilation, groups, channels, dtype, slot):
    window = ConvolutionProblem(
        dtype, slot, 2, channels, channels, spatial, kernel, stride, padding, dilation, channels
    )
    return LocalConvProblem(dtype, slot, groups, window)


# spatial, kernel, stride, padding, dilation, groups, channels
GEOMETRIES = {
    "one pixel": ((1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, 1),
    "odd image": ((7, 9), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 2, 4),
    "stride, dilation and uneven padding": ((9, 7), (3, 2), (2, 1), ((2, 1), (0, 3)), (1, 2), 1, 3),
    "a set for each channel": ((5, 4), (2, 2), (1, 2), ((1, 0), (0, 1)), (1, 1), 3, 3),
    "more channels than a tile": ((30, 17), (2, 1), (1, 1), ((1, 0), (0, 0)), (1, 1), 1, 9),
    "series": ((40,), (5,), (3,), ((4, 0),), (2,), 2, 4),
    "volume": ((2, 3, 4), (1, 2, 2), (1, 2, 1), ((0, 0), (1, 0), (1, 1)), (1, 1, 2), 1, 2),
}


@SLOTS
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_geometry_equals_the_reference(geometry, slot):
    assert_solves(local_conv.solve, problem(*GEOMETRIES[geometry], torch.float64, slot))


@SLOTS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_each_dtype_equals_the_reference(dtype, slot):
    assert_solves(local_conv.solve, problem(*GEOMETRIES["odd image"], dtype, slot))


def test_operands_that_the_problem_does_not_describe_are_refused():
    p = problem(*GEOMETRIES["odd image"], torch.float64, Slot.OUTPUT)
    x, weight = operands_of(p)
    with pytest.raises(ShapeError, match=r"expected the kernel \(2, 2, 9, 7, 9\), got \(2, 1, 9, 7, 9\)"):
        local_conv.solve(p, x, weight[:, :1])
