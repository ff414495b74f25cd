"""The native local convolution and its gradients against the tap-by-tap sum in float64."""

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from circulant.algorithms.direct_local import DirectLocal
from circulant.backends.native import local_conv
from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.local_conv import LocalConvProblem, reference
from circulant.problems.trilinear import OPERANDS, Slot

SLOTS = pytest.mark.parametrize("slot", Slot, ids=lambda slot: slot.value)


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
    return LocalConvProblem(dtype, Slot.OUTPUT, groups, window)


def random_operands(p):
    return [torch.randn(shape, dtype=torch.float64).to(p.dtype) for shape in p.operand_shapes]


def assert_equals_reference(p):
    for slot in Slot:
        own = p.for_slot(slot)
        operands = random_operands(own)
        expected = reference(own, *(operand.double() for operand in operands))
        assert_close(local_conv.solve(own, *operands), expected, what=f"{slot.value} of {own}")


GEOMETRIES = {
    "one pixel": {"spatial": (1, 1), "kernel": (1, 1)},
    "a line": {"spatial": (63,), "kernel": (5,), "padding": 2, "groups": 2},
    "a line of many columns": {"spatial": (1100,), "kernel": (3,), "padding": ((2, 0),), "per_group": 2},
    "a far dilation": {"spatial": (700,), "kernel": (3,), "dilation": 300, "padding": 100, "per_group": 1},
    "involution": {"spatial": (14, 14), "kernel": (7, 7), "padding": 3, "per_group": 16},
    "seventeen channels": {"spatial": (7, 33), "kernel": (3, 3), "padding": 1, "per_group": 17},
    "a channel each": {"spatial": (11, 37), "kernel": (3, 2), "padding": (1, 0), "groups": 5, "per_group": 1},
    "larger than the image": {"spatial": (3, 4), "kernel": (7, 9), "padding": (3, 4)},
    "stride": {"spatial": (13, 31), "kernel": (3, 5), "stride": (2, 3), "padding": (1, 2)},
    "stride beyond the kernel": {"spatial": (13, 31), "kernel": (2, 1), "stride": (3, 4), "padding": (0, 2)},
    "stride and dilation": {"spatial": (23, 29), "kernel": (3, 4), "stride": (2, 3), "dilation": (3, 2)},
    "padding beyond the kernel": {"spatial": (4, 5), "kernel": (2, 3), "padding": (6, 9), "stride": (1, 2)},
    "padding on one side": {"spatial": (6, 19), "kernel": (3, 3), "padding": ((2, 0), (0, 2))},
    "a volume": {"spatial": (5, 6, 17), "kernel": (3, 2, 3), "padding": (1, 0, 1), "groups": 2},
    "a strided volume": {
        "spatial": (7, 6, 19),
        "kernel": (2, 3, 3),
        "stride": (3, 2, 2),
        "dilation": (2, 1, 3),
        "padding": (1, 2, 4),
    },
}


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_geometry_equals_the_sum(isa, dtype, geometry):
    assert_equals_reference(problem(**GEOMETRIES[geometry], dtype=dtype))


def test_every_width_to_40_equals_the_sum(isa, dtype):
    for width in range(1, 41):
        p = problem((2, width), (1, 3), padding=(0, 1), batch=1, per_group=1, dtype=dtype)
        assert_equals_reference(p)


def test_a_group_too_wide_for_one_block_equals_the_sum(isa):
    p = problem((3, 40), (3, 3), padding=1, per_group=700, batch=1)
    assert DirectLocal().block(p).channels < 700
    assert_equals_reference(p)


@st.composite
def problems(draw):
    ndim = draw(st.integers(1, 3))

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(ndim))

    p = problem(
        each(1, 50 // ndim**2), each(1, 4), each(1, 4), tuple(zip(each(0, 5), each(0, 5), strict=True)),
        each(1, 3), draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 5, 9])), draw(st.integers(1, 2)),
        torch.float64,
    )  # fmt: skip
    assume(min(p.window.output_spatial) >= 1)
    return p


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problems())
def test_drawn_geometries_equal_the_sum(isa, p):
    assert_equals_reference(p)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
@SLOTS
def test_half_precision_is_that_of_float32_rounded_once(isa, half, slot):
    shape = {"spatial": (9, 21), "kernel": (3, 5), "stride": (1, 2), "padding": 2, "groups": 2}
    p, wide = problem(**shape, dtype=half).for_slot(slot), problem(**shape).for_slot(slot)
    operands = random_operands(p)
    expected = local_conv.solve(wide, *(operand.float() for operand in operands)).to(half)
    assert torch.equal(local_conv.solve(p, *operands), expected)


@SLOTS
def test_every_element_of_the_result_is_written(isa, dtype, slot, nan_in_new_memory):
    for geometry in GEOMETRIES.values():
        p = problem(**geometry, dtype=dtype).for_slot(slot)
        assert local_conv.solve(p, *random_operands(p)).isfinite().all()


@SLOTS
def test_two_threads_give_the_same_bits_as_one(isa, dtype, slot):
    p = problem((40, 40), (5, 5), padding=2, groups=3, per_group=9, dtype=dtype).for_slot(slot)
    operands = random_operands(p)
    alone = local_conv.solve(p, *operands)
    torch.set_num_threads(2)
    assert torch.equal(local_conv.solve(p, *operands), alone)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_non_finite_sample_reaches_only_the_outputs_that_see_it(isa, dtype, poison):
    p = problem((9, 37), (3, 3), padding=1, dtype=dtype)
    x, weight = random_operands(p)
    clean = local_conv.solve(p, x, weight)
    x[1, 2, 4, 20] = poison
    touched = torch.zeros(p.result_shape, dtype=torch.bool)
    touched[1, 2, 3:6, 19:22] = True
    y = local_conv.solve(p, x, weight)
    assert not y[touched].isfinite().any()
    assert torch.equal(y[~touched], clean[~touched])


@pytest.mark.parametrize("stride", [1, 2])
def test_a_nan_in_the_gradient_reaches_only_what_its_output_saw(isa, dtype, stride):
    p = problem((8, 21), (3, 3), stride, 1, per_group=2, dtype=dtype)
    x, weight = random_operands(p)
    g = torch.randn(p.result_shape, dtype=dtype)
    pairs = {Slot.INPUT: (g, weight), Slot.KERNEL: (x, g)}
    clean = {slot: local_conv.solve(p.for_slot(slot), *pair) for slot, pair in pairs.items()}
    g[1, 1, 2, 5] = float("nan")
    touched = {slot: torch.zeros(p.slot_shapes[slot], dtype=torch.bool) for slot in pairs}
    row, column = 2 * stride - 1, 5 * stride - 1
    touched[Slot.INPUT][1, 1, row : row + 3, column : column + 3] = True
    touched[Slot.KERNEL][1, 0, :, 2, 5] = True
    for slot, pair in pairs.items():
        got = local_conv.solve(p.for_slot(slot), *pair)
        assert got[touched[slot]].isnan().all()
        assert torch.equal(got[~touched[slot]], clean[slot][~touched[slot]])


def test_operands_are_read_as_they_look():
    p = problem((12, 13), (3, 3), padding=1, per_group=4)
    x, weight = random_operands(p)
    strided = [x.to(memory_format=torch.channels_last), weight.mT.contiguous().mT]
    assert not any(operand.is_contiguous() for operand in strided)
    assert torch.equal(local_conv.solve(p, *strided), local_conv.solve(p, x, weight))


@SLOTS
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_plan_states_the_memory_that_a_thread_holds(dtype, slot, geometry):
    p = problem(**GEOMETRIES[geometry], dtype=dtype).for_slot(slot)
    assert DirectLocal().work(p).thread_byte == dtype.itemsize * local_conv.scratch_scalars(p)


@SLOTS
def test_a_thread_holds_little_however_large_the_image(slot):
    p = problem((4000, 4000), (7, 7), padding=3, per_group=16).for_slot(slot)
    assert DirectLocal().work(p).thread_byte < 2**19


@SLOTS
def test_operands_that_the_problem_does_not_describe_are_refused(slot):
    p = problem((9, 10), (3, 3)).for_slot(slot)
    first, second = random_operands(p)
    names = {Slot.INPUT: "x", Slot.KERNEL: "weight", Slot.OUTPUT: "the output's gradient"}
    with pytest.raises(ShapeError, match=f"expected {names[OPERANDS[slot][1]]} "):
        local_conv.solve(p, first, second[..., :-1])
