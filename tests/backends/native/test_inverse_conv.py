"""The native inverse convolution: what it solves, convolved again, is what it was given."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circulant.backends.native import inverse_conv
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.problems.inverse_conv import InverseConvProblem, with_fixed_taps

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
SCATTER = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
SHAPES = {
    "one place": ((1, 1, 1, 1), (1, 1)),
    "one channel": ((2, 1, 7, 9), (3, 3)),
    "series": ((3, 5, 70), (6,)),
    "volume": ((2, 3, 4, 5, 6), (2, 3, 2)),
    "one row": ((2, 3, 1, 40), (4, 3)),
    "one column": ((2, 3, 40, 1), (3, 4)),
    "wide image": ((1, 7, 5, 83), (2, 5)),
    "tall image": ((1, 6, 83, 5), (5, 2)),
    "as many images as lanes": ((16, 2, 18, 19), (3, 3)),
    "more images than lanes": ((19, 4, 6, 33), (3, 2)),
    "kernel larger than the image": ((2, 2, 3, 4), (5, 7)),
    "kernel of one tap": ((2, 9, 5, 5), (1, 1)),
    "many channels": ((2, 13, 9, 17), (3, 3)),
}
BOTH_WAYS = pytest.mark.parametrize("adjoint", [False, True], ids=["solve", "adjoint"])


def problem(shape, kernel, adjoint, dtype):
    return InverseConvProblem(dtype, shape[0], shape[1], tuple(shape[2:]), tuple(kernel), adjoint)


def operands(p):
    """Weights so small that solving is as well conditioned as convolving."""
    terms = torch.Size(p.weight_shape[1:]).numel()
    return torch.randn(p.input_shape, dtype=p.dtype), torch.randn(p.weight_shape, dtype=p.dtype) / terms


def convolved(p, x, weight):
    """k * x, or its adjoint, in float64 by torch."""
    x, kernel = x.double(), with_fixed_taps(weight.double())
    before = [taps - 1 for taps in p.kernel]
    if not p.adjoint:
        return CONVOLVE[p.ndim](F.pad(x, [side for k in reversed(before) for side in (k, 0)]), kernel)
    inside = (slice(k, k + size) for k, size in zip(before, p.spatial, strict=True))
    return SCATTER[p.ndim](x, kernel)[(..., *inside)]


def assert_solves(p):
    first, weight = operands(p)
    got = inverse_conv.solve(p, first, weight)
    assert got.dtype == p.dtype
    assert_close(convolved(p, got, weight), first, RELATIVE[p.dtype], what=str(p))


@BOTH_WAYS
@pytest.mark.parametrize("name", SHAPES)
def test_the_solution_convolved_again_is_the_right_side(isa, dtype, name, adjoint):
    assert_solves(problem(*SHAPES[name], adjoint, dtype))


@BOTH_WAYS
def test_every_width_to_40_is_solved(isa, dtype, adjoint):
    for width in range(1, 41):
        assert_solves(problem((1, 2, 3, width), (2, 3), adjoint, dtype))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_drawn_problems_are_solved(isa, data):
    axes = data.draw(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 4)), min_size=1, max_size=3))
    spatial, kernel = zip(*axes, strict=True)
    batch, channels = data.draw(st.integers(1, 18)), data.draw(st.integers(1, 6))
    assert_solves(problem((batch, channels, *spatial), kernel, data.draw(st.booleans()), torch.float64))


@BOTH_WAYS
def test_every_element_of_the_result_is_written(isa, dtype, adjoint, nan_in_new_memory):
    for name in ("one place", "volume", "more images than lanes", "kernel larger than the image"):
        p = problem(*SHAPES[name], adjoint, dtype)
        assert inverse_conv.solve(p, *operands(p)).isfinite().all()


def test_two_threads_give_the_same_bits_as_one_and_as_themselves(isa, dtype):
    p = problem((9, 5, 24, 24), (3, 3), False, dtype)
    tensors = operands(p)
    alone = inverse_conv.solve(p, *tensors)
    torch.set_num_threads(2)
    for _ in range(3):
        assert torch.equal(inverse_conv.solve(p, *tensors), alone)


@BOTH_WAYS
@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_non_finite_value_reaches_only_what_is_solved_after_it(isa, dtype, adjoint, poison):
    p = problem((2, 3, 9, 21), (3, 3), adjoint, dtype)
    first, weight = operands(p)
    clean = inverse_conv.solve(p, first, weight)
    first[1, 1, 4, 10] = poison
    later = torch.zeros(9, 21, dtype=torch.bool)
    later[(slice(None, 5), slice(None, 11)) if adjoint else (slice(4, None), slice(10, None))] = True
    later[4, 10] = False  # channels before it in the triangle do not see it
    touched = later.expand(2, 3, 9, 21).clone()
    touched[0] = False
    touched[1, : 2 if adjoint else 3, 4, 10] = True
    touched[1, 0 if not adjoint else 2, 4, 10] = False
    got = inverse_conv.solve(p, first, weight)
    assert not got[touched].isfinite().any()
    assert torch.equal(got[~touched], clean[~touched])


@BOTH_WAYS
def test_fixed_taps_are_not_read(isa, dtype, adjoint):
    p = problem((2, 5, 6, 7), (2, 3), adjoint, dtype)
    first, weight = operands(p)
    poisoned = weight.clone()
    poisoned[..., -1, -1] = torch.where(torch.ones(5, 5).tril(-1) > 0, weight[..., -1, -1], torch.nan)
    assert torch.equal(inverse_conv.solve(p, first, poisoned), inverse_conv.solve(p, first, weight))


@BOTH_WAYS
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", ["wide image", "as many images as lanes", "volume"])
def test_half_precision_is_float32_rounded_once(isa, half, name, adjoint):
    p = problem(*SHAPES[name], adjoint, half)
    first, weight = operands(p)
    wide = problem(*SHAPES[name], adjoint, torch.float32)
    expected = inverse_conv.solve(wide, first.float(), weight.float()).to(half)
    assert torch.equal(inverse_conv.solve(p, first, weight), expected)


def test_operands_of_any_layout_are_read_as_they_look():
    p = problem((2, 3, 6, 7), (2, 2), False, torch.float32)
    first, weight = operands(p)
    strided = first.to(memory_format=torch.channels_last), weight.mT.contiguous().mT
    assert not strided[0].is_contiguous() and not strided[1].is_contiguous()
    assert torch.equal(inverse_conv.solve(p, *strided), inverse_conv.solve(p, first, weight))


def test_operands_that_the_problem_does_not_describe_are_refused():
    p = problem((2, 3, 6, 7), (2, 2), False, torch.float32)
    first, weight = operands(p)
    with pytest.raises(ShapeError, match=r"expected the right side \(2, 3, 6, 7\), got \(2, 3, 6, 6\)"):
        inverse_conv.solve(p, first[..., 1:], weight)
    with pytest.raises(DtypeError, match=r"expected weight of dtype torch.float32"):
        inverse_conv.solve(p, first, weight.double())
