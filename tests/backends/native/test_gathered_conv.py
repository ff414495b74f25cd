"""The native gathered convolution and its gradients against the neighbour-by-neighbour sum in float64."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circulant.algorithms.direct_gathered import DirectGathered
from circulant.backends.native import gathered_conv
from circulant.backends.torch import gathered_conv as torch_gathered_conv
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.example_operands import example_operands
from circulant.problems.gathered_conv import NONE, GatheredConvProblem, reference
from circulant.problems.trilinear import Slot

SLOTS = pytest.mark.parametrize("slot", Slot, ids=lambda slot: slot.value)


def problem(ins, outs, groups=1, places=20, outputs=37, taps=3, batch=2, dtype=torch.float32):
    """ins and outs: channels of each group."""
    return GatheredConvProblem(
        dtype, Slot.OUTPUT, batch, groups * ins, groups * outs, places, outputs, taps, groups
    )


def assert_equals(solution, p):
    for slot in Slot:
        own = p.for_slot(slot)
        first, second, index = example_operands(own)
        expected = solution(own, first.double(), second.double(), index)
        assert_close(gathered_conv.solve(own, first, second, index), expected, what=str(own))


SHAPES = {
    "one of all": problem(1, 1, places=1, outputs=1, taps=1, batch=1),
    "one channel": problem(1, 1, outputs=70, taps=9),
    "five channels by themselves": problem(1, 1, 5, outputs=33),
    "many channels by themselves": problem(1, 1, 83, places=9, outputs=31, taps=5),
    "dense": problem(7, 5),
    "dense of whole vectors": problem(16, 32, places=12, outputs=32),
    "dense of several blocks": problem(67, 70, places=5, outputs=9, taps=2),
    "grouped": problem(3, 2, 4, taps=4),
    "two outputs of each channel": problem(1, 2, 6),
    "one channel from many": problem(35, 1, outputs=12),
    "more places than outputs": problem(4, 4, places=200, outputs=3, taps=7),
}


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_equals_the_sum(isa, dtype, name):
    shape = SHAPES[name]
    sizes = shape.in_channels // shape.groups, shape.out_channels // shape.groups, shape.groups
    assert_equals(reference, problem(*sizes, shape.places, shape.outputs, shape.taps, shape.batch, dtype))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([(1, 1), (1, 1), (2, 3), (17, 5), (9, 34)]), st.integers(1, 40), st.integers(1, 40),
    st.integers(1, 70), st.integers(1, 9), st.integers(1, 2),
)  # fmt: skip
def test_drawn_shapes_equal_the_products_of_matrices(isa, channels, groups, places, outputs, taps, batch):
    groups = groups if channels == (1, 1) else groups % 3 + 1
    p = problem(*channels, groups, places, outputs, taps, batch, torch.float64)
    assert_equals(torch_gathered_conv.direct, p)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("place", [NONE, 0, -2], ids=["none", "first", "last but one"])
def test_neighbours_may_all_be_the_same(isa, name, place):
    p = SHAPES[name]
    for slot in Slot:
        own = p.for_slot(slot)
        first, second, index = example_operands(own)
        index.fill_(max(p.places + place, 0) if place < NONE else place)
        expected = torch_gathered_conv.direct(own, first.double(), second.double(), index)
        assert_close(gathered_conv.solve(own, first, second, index), expected, what=str(own))


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("sizes", [(1, 1, 20), (20, 20, 1)], ids=["depthwise", "dense"])
@SLOTS
def test_half_precision_is_that_of_float32_rounded_once(isa, half, slot, sizes):
    p, wide = problem(*sizes, dtype=half).for_slot(slot), problem(*sizes).for_slot(slot)
    first, second, index = example_operands(p)
    expected = gathered_conv.solve(wide, first.float(), second.float(), index).to(half)
    assert torch.equal(gathered_conv.solve(p, first, second, index), expected)


@SLOTS
@pytest.mark.parametrize("name", SHAPES)
def test_every_element_of_the_result_is_written(isa, slot, name, nan_in_new_memory):
    p = SHAPES[name].for_slot(slot)
    assert gathered_conv.solve(p, *example_operands(p)).isfinite().all()


@SLOTS
@pytest.mark.parametrize("sizes", [(1, 1, 100), (40, 70, 2)], ids=["depthwise", "dense"])
def test_two_threads_give_the_same_bits_as_one(isa, dtype, slot, sizes):
    p = problem(*sizes, places=300, outputs=500, taps=7, dtype=dtype).for_slot(slot)
    operands = example_operands(p)
    alone = gathered_conv.solve(p, *operands)
    torch.set_num_threads(2)
    assert torch.equal(gathered_conv.solve(p, *operands), alone)


@pytest.mark.parametrize("sizes", [(1, 1, 20), (20, 20, 1)], ids=["depthwise", "dense"])
def test_a_nan_reaches_only_the_outputs_that_have_it_as_a_neighbour(isa, dtype, sizes):
    p = problem(*sizes, dtype=dtype)
    x, weight, index = example_operands(p)
    clean = gathered_conv.solve(p, x, weight, index)
    x[1, :, 3] = float("nan")
    touched = torch.zeros(p.result_shape, dtype=torch.bool)
    touched[1, :, (index == 3).any(1)] = True
    y = gathered_conv.solve(p, x, weight, index)
    assert 0 < touched.sum() < touched.numel()
    assert y[touched].isnan().all()
    assert torch.equal(y[~touched], clean[~touched])


@pytest.mark.parametrize("sizes", [(1, 1, 20), (20, 20, 1)], ids=["depthwise", "dense"])
def test_a_nan_in_the_gradient_reaches_only_the_neighbours(isa, dtype, sizes):
    p = problem(*sizes, dtype=dtype).for_slot(Slot.INPUT)
    g, weight, index = example_operands(p)
    clean = gathered_conv.solve(p, g, weight, index)
    g[1, :, 5] = float("nan")
    touched = torch.zeros(p.result_shape, dtype=torch.bool)
    touched[1, :, index[5][index[5] != NONE]] = True
    gradient = gathered_conv.solve(p, g, weight, index)
    assert gradient[touched].isnan().all()
    assert torch.equal(gradient[~touched], clean[~touched])


@SLOTS
@pytest.mark.parametrize("name", SHAPES)
def test_the_plan_states_the_memory_that_a_thread_holds(dtype, slot, name):
    shape = SHAPES[name]
    sizes = shape.in_channels // shape.groups, shape.out_channels // shape.groups, shape.groups
    p = problem(*sizes, shape.places, shape.outputs, shape.taps, shape.batch, dtype).for_slot(slot)
    assert DirectGathered().work(p).thread_byte == gathered_conv.scratch_byte(p)


@pytest.mark.parametrize("wrong", [-2, 20])
def test_an_index_of_no_place_is_refused_before_memory_is_read(wrong):
    p = problem(2, 2)
    x, weight, index = example_operands(p)
    index[3, 1] = wrong
    with pytest.raises(ValueError, match=r"expected every index from -1 to 19, got .*correct the list"):
        gathered_conv.solve(p, x, weight, index)


def test_operands_that_the_problem_does_not_describe_are_refused():
    p = problem(2, 2)
    x, weight, index = example_operands(p)
    with pytest.raises(ShapeError, match=r"expected index \(37, 3\), got \(36, 3\)"):
        gathered_conv.solve(p, x, weight, index[1:])
    with pytest.raises(DtypeError, match=r"expected index of dtype torch\.int64, got torch\.int32"):
        gathered_conv.solve(p, x, weight, index.int())
