"""Direct depthwise convolution in the interpreter against the problem's reference in float64."""

import pytest
import torch
from tests.backends.triton.solved import assert_solves, operands_of, reference

from circulant.backends.triton import depthwise_conv, short_conv
from circulant.core.errors import DtypeError, ShapeError
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

SLOTS = pytest.mark.parametrize("slot", Slot, ids=lambda slot: slot.value)


def problem(
    spatial, kernel, stride=1, padding=0, dilation=1, multiplier=1, batch=2, channels=3,
    dtype=torch.float64, slot=Slot.OUTPUT,
):  # fmt: skip
    def each(value):
        return (value,) * len(spatial) if isinstance(value, int) else tuple(value)

    sides = tuple((side, side) if isinstance(side, int) else side for side in each(padding))
    return ConvolutionProblem(
        dtype, slot, batch, channels, channels * multiplier, spatial, kernel, each(stride), sides,
        each(dilation), channels,
    )  # fmt: skip


GEOMETRIES = {
    "one pixel": {"spatial": (1, 1), "kernel": (1, 1)},
    "large kernel": {"spatial": (9, 9), "kernel": (9, 9), "padding": 4},
    "odd image": {"spatial": (17, 13), "kernel": (3, 5), "padding": (1, 2)},
    "even kernel": {"spatial": (8, 10), "kernel": (4, 2), "padding": [(1, 2), (0, 1)]},
    "stride and dilation": {"spatial": (11, 17), "kernel": (3, 2), "stride": (3, 2), "dilation": (2, 3)},
    "stride beyond the kernel": {"spatial": (11, 9), "kernel": (2, 1), "stride": (5, 4)},
    "padding beyond the kernel": {"spatial": (4, 5), "kernel": (2, 3), "padding": (4, 6)},
    "two outputs for each input": {"spatial": (6, 7), "kernel": (3, 3), "padding": 1, "multiplier": 2},
    "a long series": {"spatial": (1100,), "kernel": (9,), "padding": [(8, 0)], "batch": 1},
    "a strided series": {"spatial": (70,), "kernel": (4,), "stride": 3, "padding": 1, "dilation": 2},
    "three axes": {"spatial": (4, 5, 3), "kernel": (2, 1, 3), "stride": (2, 1, 1), "padding": 1},
}
SHORT = {
    "causal": {"spatial": (50,), "kernel": (4,), "padding": [(3, 0)]},
    "one tap": {"spatial": (5,), "kernel": (1,)},
    "eight taps": {"spatial": (33,), "kernel": (8,), "padding": [(7, 0)]},
    "shorter than its taps": {"spatial": (3,), "kernel": (6,), "padding": [(5, 2)]},
    "dilated": {"spatial": (40,), "kernel": (3,), "padding": [(8, 1)], "dilation": 4},
    "two outputs for each input": {"spatial": (20,), "kernel": (4,), "padding": [(3, 0)], "multiplier": 2},
    "longer than a block": {"spatial": (2500,), "kernel": (2,), "padding": [(1, 0)], "batch": 1},
}


@SLOTS
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_geometry_equals_the_reference(geometry, slot):
    p = problem(**GEOMETRIES[geometry], slot=slot)
    assert not short_conv.takes(p)
    assert_solves(depthwise_conv.solve, p)


@SLOTS
@pytest.mark.parametrize("geometry", SHORT)
def test_each_short_series_equals_the_reference(geometry, slot):
    p = problem(**SHORT[geometry], slot=slot)
    assert short_conv.takes(p) == (slot is not Slot.KERNEL)
    assert_solves(depthwise_conv.solve, p)


@SLOTS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_each_dtype_equals_the_reference(dtype, slot):
    image = {"spatial": (9, 8), "kernel": (3, 5), "padding": 2, "stride": (1, 2)}
    assert_solves(depthwise_conv.solve, problem(**image, dtype=dtype, slot=slot))
    assert_solves(depthwise_conv.solve, problem(**SHORT["causal"], dtype=dtype, slot=slot))


def test_half_precision_is_added_in_float32():
    p = problem((41,), (41,), batch=1, channels=1, dtype=torch.float16)
    x, weight = torch.ones(p.input_shape).half(), torch.ones(p.weight_shape).half()
    x[..., 0] = 4096.0  # from here on float16 counts in fours: added there, ones are lost
    assert depthwise_conv.solve(p, x, weight).item() == 4096.0 + 40


def test_the_batch_of_a_kernel_gradient_is_shared_where_channels_are_few():
    few = problem((5, 5), (3, 3), padding=1, batch=3, channels=1, slot=Slot.KERNEL)
    many = problem((5, 5), (3, 3), padding=1, batch=3, channels=2000, slot=Slot.KERNEL)
    assert depthwise_conv.tap_blocks_of(few).grid[2] == 3
    assert depthwise_conv.tap_blocks_of(many).grid[2] == 1
    assert_solves(depthwise_conv.solve, few)


def test_a_program_takes_several_images_of_its_share(monkeypatch):
    monkeypatch.setattr(depthwise_conv, "ENOUGH_PROGRAMS", 4)
    p = problem((5, 4), (3, 3), padding=1, batch=5, channels=2, slot=Slot.KERNEL)
    assert depthwise_conv.tap_blocks_of(p).images == 3
    assert_solves(depthwise_conv.solve, p)


def test_results_are_the_same_bits_from_call_to_call():
    for slot in Slot:
        p = problem((9, 9), (3, 3), padding=1, batch=3, dtype=torch.float32, slot=slot)
        operands = operands_of(p)
        assert torch.equal(depthwise_conv.solve(p, *operands), depthwise_conv.solve(p, *operands))


def test_a_sample_that_is_not_a_number_reaches_only_the_outputs_that_see_it():
    p = problem((6, 9), (3, 3), padding=1)
    x, weight = operands_of(p)
    x[1, 2, 3, 4] = float("nan")
    touched = torch.zeros(p.output_shape, dtype=torch.bool)
    touched[1, 2, 2:5, 3:6] = True
    assert torch.equal(depthwise_conv.solve(p, x, weight).isnan(), touched)


def test_channels_last_operands_are_read_as_they_look():
    p = problem((6, 7), (3, 3), padding=1)
    x, weight = operands_of(p)
    laid_out = x.to(memory_format=torch.channels_last)
    assert not laid_out.is_contiguous()
    assert torch.equal(depthwise_conv.solve(p, laid_out, weight), depthwise_conv.solve(p, x, weight))


def test_operands_that_the_problem_does_not_describe_are_refused():
    p = problem((6, 7), (3, 3))
    x, weight = operands_of(p)
    with pytest.raises(ShapeError, match=r"expected weight \(3, 1, 3, 3\), got \(3, 1, 3, 2\)"):
        depthwise_conv.solve(p, x, weight[..., :2])
    with pytest.raises(DtypeError, match=r"expected x of dtype torch\.float64, got torch\.float32"):
        depthwise_conv.solve(p, x.float(), weight)


def test_the_reference_of_a_forward_pass_is_not_that_of_a_gradient():
    """The comparison above can fail: it tells the slots apart."""
    p = problem((5, 5), (3, 3), padding=1)
    operands = operands_of(p)
    of_input = reference(p.for_slot(Slot.INPUT), *operands)
    assert not torch.allclose(depthwise_conv.solve(p, *operands), of_input)
