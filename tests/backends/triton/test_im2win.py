"""im2win in the interpreter against the problem's reference in float64."""

import pytest
import torch
from tests.backends.triton.solved import assert_solves

from circulant.backends.triton import im2win
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot


def problem(
    spatial, kernel, stride=1, padding=0, dilation=1, channels=(3, 5), groups=1, batch=2, dtype=torch.float64
):
    def each(value):
        return (value,) * len(spatial) if isinstance(value, int) else tuple(value)

    sides = tuple((side, side) if isinstance(side, int) else side for side in each(padding))
    return ConvolutionProblem(
        dtype, Slot.OUTPUT, batch, *channels, spatial, kernel, each(stride), sides, each(dilation), groups
    )


GEOMETRIES = {
    "one pixel": {"spatial": (1, 1), "kernel": (1, 1)},
    "odd image": {"spatial": (17, 13), "kernel": (3, 5), "padding": (1, 2)},
    "even kernel": {"spatial": (8, 10), "kernel": (4, 2), "padding": [(1, 2), (0, 1)]},
    "stride and dilation": {"spatial": (11, 17), "kernel": (3, 2), "stride": (3, 2), "dilation": (2, 3)},
    "stride beyond the kernel": {"spatial": (11, 9), "kernel": (2, 1), "stride": (5, 4)},
    "rows that need no layout": {"spatial": (5, 3), "kernel": (1, 1), "stride": (2, 1), "padding": (1, 0)},
    "padding beyond the kernel": {"spatial": (4, 5), "kernel": (2, 3), "padding": (4, 6)},
    "groups": {"spatial": (9, 8), "kernel": (3, 3), "padding": 1, "channels": (6, 9), "groups": 3},
    "depthwise": {"spatial": (6, 7), "kernel": (5, 5), "padding": 2, "channels": (4, 4), "groups": 4},
    "more channels than a block": {"spatial": (5, 5), "kernel": (3, 3), "channels": (20, 70)},
    "a long series": {"spatial": (700,), "kernel": (9,), "padding": [(8, 0)], "batch": 1},
}


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_geometry_equals_the_reference(geometry):
    assert_solves(im2win.solve, problem(**GEOMETRIES[geometry]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_each_dtype_equals_the_reference(dtype):
    assert_solves(im2win.solve, problem((9, 8), (3, 5), padding=2, stride=(1, 2), dtype=dtype))
