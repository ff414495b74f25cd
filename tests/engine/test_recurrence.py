"""Linear recurrences: every way computes the equation, safely, and differentiates to any order."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.flop_counter import FlopCounterMode

from circulant.algorithms.algorithm import AlgorithmName
from circulant.backends.table import Backend
from circulant.backends.torch.recurrence import scanned_states
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import Choice
from circulant.engine.recurrence import linear_recurrence

WAYS = {
    "sequential on torch": Choice(AlgorithmName.SEQUENTIAL, Backend.TORCH),
    "scan on torch": Choice(AlgorithmName.SCAN, Backend.TORCH),
    "sequential on native": Choice(AlgorithmName.SEQUENTIAL, Backend.NATIVE),
}
EVERY_WAY = pytest.mark.parametrize("choice", WAYS.values(), ids=WAYS)
KINDS = {
    "real, varying": ((2, 3, 5), (2, 3, 5)),
    "real, fixed": ((3,), (2, 3, 5)),
    "complex, varying": ((2, 3, 5, 2), (2, 3, 5, 2)),
    "complex, fixed": ((3, 2), (2, 3, 5, 2)),
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def drawn(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=torch.float64).to(dtype)


def numbers(tensor, paired):
    return torch.view_as_complex(tensor.contiguous()) if paired else tensor


def loop(a, x, initial=None):
    """The equation, step after step."""
    paired = x.ndim == 4
    factor, driven = numbers(a, paired), numbers(x, paired)
    factor = factor if factor.ndim == 3 else factor[:, None].expand_as(driven)
    state = torch.zeros_like(driven[..., 0]) if initial is None else numbers(initial, paired)
    states = []
    for step in range(driven.shape[-1]):
        state = factor[..., step] * state + driven[..., step]
        states.append(state)
    found = torch.stack(states, dim=-1)
    return torch.view_as_real(found) if paired else found


def operands(kind, length=5):
    a, x = ((*shape[:2], length, *shape[3:]) if len(shape) > 2 else shape for shape in KINDS[kind])
    start = (2, 3, *x[3:])
    return drawn(*a) * 0.7, drawn(*x), drawn(*start)


@EVERY_WAY
@EVERY_KIND
@pytest.mark.parametrize("length", [1, 2, 13, 64, 101])
def test_states_are_those_of_a_loop(choice, kind, length):
    a, x, start = operands(kind, length)
    assert_close(linear_recurrence(a, x, start, choice=choice), loop(a, x, start))
    assert_close(linear_recurrence(a, x, choice=choice), loop(a, x))


@pytest.mark.parametrize("length", [1, 7, 12, 31])
def test_every_chunk_size_gives_the_same_states(length):
    a, x, start = drawn(2, 3, length), drawn(2, 3, length), drawn(2, 3)
    for chunk in range(1, length + 1):
        assert_close(scanned_states(a, x, start, chunk), loop(a, x, start))


@EVERY_WAY
@EVERY_KIND
@settings(max_examples=25)
@given(length=st.integers(2, 40), cut=st.integers(1, 39))
def test_a_state_carried_across_a_cut_continues_as_one_pass(choice, kind, length, cut):
    cut = min(cut, length - 1)
    a, x, start = operands(kind, length)
    varies = a.ndim == x.ndim

    def part(steps, state):
        return linear_recurrence(a[:, :, steps] if varies else a, x[:, :, steps], state, choice=choice)

    first = part(slice(0, cut), start)
    second = part(slice(cut, None), first[:, :, -1])
    whole = linear_recurrence(a, x, start, choice=choice)
    assert_close(torch.cat([first, second], dim=2), whole)


@EVERY_WAY
def test_growing_vanishing_and_negative_factors_are_exact(choice):
    x = drawn(1, 5, 60)
    a = torch.tensor([2.0, 0.0, -1.5, 1.0, -0.3], dtype=torch.float64)
    assert_close(linear_recurrence(a, x, choice=choice), loop(a, x))
    varying = a[:, None].expand(1, 5, 60).clone()
    varying[..., 20:30] = 0
    assert_close(linear_recurrence(varying, x, choice=choice), loop(varying, x))


@EVERY_WAY
def test_factors_whose_product_overflows_do_no_harm_to_a_state_of_zero(choice):
    a = torch.full((1, 1, 400), 1e30, dtype=torch.float64)
    x = torch.zeros(1, 1, 400, dtype=torch.float64)
    x[..., -1] = 3.0
    assert torch.equal(linear_recurrence(a, x, choice=choice), x)


@EVERY_WAY
def test_a_long_decay_does_not_drift(choice):
    length, decay = 20000, 0.999
    x = torch.ones(1, 2, length)
    exact = (1 - decay ** torch.arange(1, length + 1, dtype=torch.float64)) / (1 - decay)
    factor = torch.full((2,), decay, dtype=torch.float64)
    assert_close(linear_recurrence(factor, x.double(), choice=choice)[0, 0], exact)
    rounded = float(torch.tensor(decay))
    single = (1 - rounded ** torch.arange(1, length + 1, dtype=torch.float64)) / (1 - rounded)
    assert_close(linear_recurrence(factor.float(), x, choice=choice)[0, 1], single)


@EVERY_WAY
@EVERY_KIND
def test_first_and_second_derivatives_are_those_of_differences(choice, kind):
    leaves = tuple(tensor.requires_grad_() for tensor in operands(kind, 4))

    def states(*tensors):
        return linear_recurrence(*tensors, choice=choice)

    assert gradcheck(states, leaves)
    assert gradgradcheck(states, leaves)


@EVERY_KIND
def test_derivatives_of_one_operand_alone_are_there(kind):
    for wanted in range(3):
        tensors = list(operands(kind, 4))
        tensors[wanted].requires_grad_()
        got = torch.autograd.grad(linear_recurrence(*tensors).square().sum(), tensors[wanted])[0]
        expected = torch.autograd.grad(loop(*tensors).square().sum(), tensors[wanted])[0]
        assert_close(got, expected)


@EVERY_KIND
@pytest.mark.parametrize("adjoint", [False, True])
def test_the_operator_passes_opcheck(kind, adjoint):
    a, x, start = (tensor.requires_grad_() for tensor in operands(kind, 6))
    arguments = (a, x, None if adjoint else start, adjoint, None, None, None, None)
    torch.library.opcheck(torch.ops.circulant.linear_recurrence.default, arguments)


@EVERY_KIND
@pytest.mark.parametrize("mapped", [(0, 0, 0), (None, 0, None), (0, None, None), (None, 1, 0)], ids=str)
def test_vmap_maps_each_operand(kind, mapped):
    whole = []
    for tensor, axis in zip(operands(kind), mapped):
        stacked = torch.stack([tensor, tensor * 0.5, -tensor])
        whole.append(tensor if axis is None else stacked.movedim(0, axis))

    def one(index):
        return [t if axis is None else t.select(axis, index) for t, axis in zip(whole, mapped)]

    expected = torch.stack([linear_recurrence(*one(index)) for index in range(3)])
    assert_close(torch.func.vmap(linear_recurrence, in_dims=mapped)(*whole), expected)


@pytest.mark.parametrize(("kind", "each"), [("real, varying", 2), ("complex, fixed", 8)])
def test_the_counted_work_is_a_multiply_add_for_each_step(kind, each):
    a, x, start = operands(kind, 7)
    with FlopCounterMode(display=False) as counter:
        linear_recurrence(a, x, start)
    assert counter.get_total_flops() == each * 2 * 3 * 7


def test_compiled_code_takes_any_length_without_compiling_again():
    compiled = torch.compile(linear_recurrence, backend="aot_eager", fullgraph=True, dynamic=True)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for length in (8, 9, 23):
            a, x, start = operands("real, varying", length)
            assert_close(compiled(a, x, start), loop(a, x, start))


@EVERY_WAY
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_computed_in_float32(choice, dtype):
    a, x = (drawn(2, 3, 200) * 0.5).to(dtype), drawn(2, 3, 200, dtype=dtype)
    got = linear_recurrence(a, x, choice=choice)
    assert got.dtype == dtype
    assert_close(got, loop(a.double(), x.double()), torch.finfo(dtype).eps)


def test_autocast_keeps_the_widest_dtype():
    a, x = torch.rand(3), drawn(2, 3, 9, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        got = linear_recurrence(a, x)
    assert got.dtype == torch.float32
    assert torch.equal(got, linear_recurrence(a, x.float()))


def test_an_empty_batch_has_no_states_and_no_gradient():
    a = torch.rand(3, requires_grad=True)
    h = linear_recurrence(a, torch.zeros(0, 3, 5))
    assert h.shape == (0, 3, 5)
    (gradient,) = torch.autograd.grad(h.sum(), a)
    assert torch.equal(gradient, torch.zeros(3))


@pytest.mark.parametrize(
    ("a", "x", "start", "words"),
    [
        ((3,), (3, 5), None, r"x \(B, C, L\)"),
        ((3,), (2, 3, 0), None, "at least 1 step"),
        ((3, 2), (2, 3, 5, 3), None, "pairs"),
        ((4,), (2, 3, 5), None, r"a of x's shape \(2, 3, 5\), or \(3,\)"),
        ((3,), (2, 3, 5, 2), None, r"or \(3, 2\)"),
        ((3,), (2, 3, 5), (3,), r"initial_state \(2, 3\), got \(3,\)"),
    ],
)
def test_operands_that_do_not_fit_are_refused(a, x, start, words):
    with pytest.raises(ShapeError, match=words):
        linear_recurrence(torch.zeros(a), torch.zeros(x), None if start is None else torch.zeros(start))


def test_two_dtypes_are_refused():
    with pytest.raises(DtypeError, match="a of x's dtype"):
        linear_recurrence(torch.zeros(1).double(), torch.zeros(1, 1, 2))
