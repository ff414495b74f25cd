"""Long convolution by matrix products: every order, exact in float64, sound in half precision."""

from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

import circulant
from circulant.algorithms.algorithm import AlgorithmName
from circulant.algorithms.monarch import ORDERS, MonarchLongConv, monarch_factors
from circulant.backends.torch import monarch
from circulant.core.tolerances import assert_close
from circulant.engine.choice import use
from circulant.engine.streaming import initial_history, long_conv_step
from circulant.functional import long_conv
from circulant.problems.long_conv import LongConvProblem, reference
from circulant.problems.trilinear import Slot

orders = pytest.mark.parametrize("order", ORDERS)
slots = pytest.mark.parametrize("slot", Slot, ids=lambda slot: slot.value)


def drawn(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def causal(length, slot=Slot.OUTPUT, kernel=None, dtype=torch.float64, batch=2, channels=3):
    return LongConvProblem(dtype, slot, batch, channels, length, kernel or length, 0, False)


def operands_of(problem):
    return [drawn(*shape, seed=seed).to(problem.dtype) for seed, shape in enumerate(problem.operand_shapes)]


def by_fft(problem, first, second):
    """The three slots for a causal kernel as long as the input, in the doubled length."""
    n = 2 * problem.length
    a, b = torch.fft.rfft(first.double(), n), torch.fft.rfft(second.double(), n)
    bins = {
        Slot.OUTPUT: lambda: a * b,
        Slot.INPUT: lambda: a * b.conj(),
        Slot.KERNEL: lambda: (b * a.conj()).sum(0),
    }[problem.slot]()
    return torch.fft.irfft(bins, n)[..., : problem.length]


def relative_l2(got, expected):
    return ((got.double() - expected).norm() / expected.norm()).item()


class Seen(TorchDispatchMode):
    """What runs: every dtype met, and the operands of matrix products."""

    def __init__(self):
        super().__init__()
        self.dtypes, self.multiplied = set(), set()

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        result = function(*arguments, **(named or {}))
        tensors = [t for t in (*arguments, result) if isinstance(t, torch.Tensor)]
        self.dtypes |= {tensor.dtype for tensor in tensors}
        if function.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.bmm):
            self.multiplied |= {tensor.dtype for tensor in tensors[:2]}
        return result


@st.composite
def problems(draw):
    length, circular = draw(st.integers(1, 40)), draw(st.booleans())
    shift = 0 if circular else draw(st.integers(0, length - 1))
    kernel = draw(st.integers(shift + 1, length + shift))
    sizes = draw(st.integers(1, 2)), draw(st.integers(1, 2)), length
    return LongConvProblem(torch.float64, draw(st.sampled_from(list(Slot))), *sizes, kernel, shift, circular)


@orders
def test_every_order_equals_the_direct_sum_in_every_slot_and_boundary(order):
    @settings(max_examples=80)
    @given(problems())
    def agrees(problem):
        factors = MonarchLongConv(order).factors(problem)
        assert len(factors) == order
        operands = operands_of(problem)
        assert_close(monarch.long_conv(problem, *operands, factors=factors), reference(problem, *operands))

    agrees()


@slots
@pytest.mark.parametrize("factors", [(6, 7), (13, 4), (3, 5, 3), (3, 2, 2, 4), (1, 40), (40, 1), (100, 3)])
def test_any_integers_may_be_factors(factors, slot):
    problem = causal(40, slot)
    operands = operands_of(problem)
    assert_close(monarch.long_conv(problem, *operands, factors=factors), reference(problem, *operands))


@slots
@orders
@pytest.mark.parametrize("length", [1 << 10, 3001, 1 << 16])
def test_every_order_equals_the_transform_of_torch(length, order, slot):
    problem = causal(length, slot, batch=2, channels=1)
    operands = operands_of(problem)
    got = monarch.long_conv(problem, *operands, factors=MonarchLongConv(order).factors(problem))
    assert_close(got, by_fft(problem, *operands), 1e-12)


@pytest.mark.parametrize("order", [None, *ORDERS])
@given(n=st.integers(1, 1 << 24))
def test_factors_make_at_least_the_points_that_are_needed(order, n):
    factors = monarch_factors(n, order)
    assert len(factors) in (ORDERS if order is None else (order,))
    assert prod(factors) >= n
    assert n < 256 or prod(factors) <= (1.1 if order is None else 1.3) * n


def test_the_order_rises_with_the_length():
    at_powers = {k: len(monarch_factors(1 << k)) for k in range(1, 25)}
    assert all(at_powers[k] == 2 for k in range(1, 11))
    assert all(at_powers[k] == 3 for k in range(11, 16))
    assert all(at_powers[k] == 4 for k in range(16, 25))


def test_powers_of_two_are_not_padded():
    assert all(prod(monarch_factors(1 << k)) == 1 << k for k in range(1, 22))


@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float16, 2e-3), (torch.bfloat16, 2e-2)])
@pytest.mark.parametrize("length", [1 << 10, 1 << 16])
def test_products_in_half_precision_are_as_accurate_as_the_paper_needs(length, dtype, allowed):
    problem = causal(length, dtype=dtype, batch=1, channels=2)
    operands = operands_of(problem)
    with Seen() as seen:
        y = monarch.long_conv(problem, *operands, products=dtype)
    assert seen.multiplied == {dtype}
    assert y.dtype == dtype
    assert relative_l2(y, by_fft(problem, *operands)) <= allowed


def test_on_a_cpu_half_precision_is_multiplied_in_float32():
    problem = causal(1 << 12, dtype=torch.bfloat16, batch=1, channels=2)
    operands = operands_of(problem)
    with Seen() as seen:
        y = monarch.long_conv(problem, *operands)
    assert seen.multiplied == {torch.float32}
    rounded = by_fft(problem, *operands).to(torch.bfloat16)
    assert relative_l2(y, rounded.double()) < 1e-3


def test_the_mean_of_a_long_input_does_not_overflow_float16():
    length = 1 << 17  # the unscaled transform of ones would hold twice the largest float16
    problem = causal(length, kernel=64, dtype=torch.float16, batch=1, channels=1)
    x, kernel = torch.ones(1, 1, length).half(), torch.ones(1, 64).half()
    y = monarch.long_conv(problem, x, kernel, products=torch.float16)
    assert_close(y[0, 0].double(), torch.arange(1.0, length + 1).clamp(max=64).double(), 1e-2)


@slots
@pytest.mark.parametrize("length", [9, 100, 2000])
def test_no_complex_tensor_is_made(length, slot):
    problem = causal(length, slot)
    operands = operands_of(problem)
    with Seen() as seen:
        monarch.long_conv(problem, *operands)
    assert seen.dtypes <= {torch.float64, torch.int64}


@slots
@pytest.mark.parametrize("circular", [False, True])
def test_the_work_bounds_the_arithmetic_that_is_counted(circular, slot):
    problem = LongConvProblem(torch.float32, slot, 2, 3, 700, 700, 0, circular)
    operands = operands_of(problem)
    with FlopCounterMode(display=False) as counter:
        monarch.long_conv(problem, *operands)
    assert 0.7 <= counter.get_total_flops() / MonarchLongConv().work(problem).flop <= 1


def test_gates_and_skip_go_with_it():
    leaves = {name: drawn(2, 3, 50, seed=seed) for seed, name in enumerate(("x", "gate_in", "gate_out"))}
    leaves |= {"kernel": drawn(3, 50, seed=4), "skip": drawn(3, seed=5)}
    leaves = {name: leaf.requires_grad_() for name, leaf in leaves.items()}
    z = leaves["x"] * leaves["gate_in"]
    problem = causal(50)
    convolved = reference(problem, z, leaves["kernel"])
    expected = leaves["gate_out"] * (convolved + leaves["skip"][:, None] * z)
    y = long_conv(**leaves, algorithm="monarch")
    assert_close(y, expected)
    cotangent = drawn(2, 3, 50, seed=9)
    wanted = torch.autograd.grad(expected, list(leaves.values()), cotangent)
    for name, got, want in zip(leaves, torch.autograd.grad(y, list(leaves.values()), cotangent), wanted):
        assert_close(got, want, what=f"gradient of {name}")


def test_derivatives_of_the_gated_convolution_agree_with_finite_differences():
    leaves = [drawn(1, 2, 6), drawn(2, 4), drawn(1, 2, 6, seed=2), drawn(1, 2, 6, seed=3)]

    def gated(x, kernel, gate_in, gate_out):
        return long_conv(x, kernel, gate_in=gate_in, gate_out=gate_out, algorithm=AlgorithmName.MONARCH)

    leaves = [leaf.requires_grad_() for leaf in leaves]
    assert gradcheck(gated, leaves, fast_mode=True)
    assert gradgradcheck(gated, leaves, fast_mode=True)


@pytest.mark.parametrize("taps", [1, 7, 64])
def test_a_partial_kernel_is_the_kernel_with_zeros_after_its_taps(taps):
    x, kernel = drawn(2, 3, 200), drawn(3, 200, seed=1)
    zeroed = kernel * (torch.arange(200) < taps)
    got = long_conv(x, kernel[:, :taps], algorithm="monarch")
    assert_close(got, reference(causal(200), x, zeroed))


def test_a_partial_kernel_takes_a_transform_of_half_the_length():
    whole, partial = (MonarchLongConv().factors(causal(4096, kernel=taps)) for taps in (4096, 64))
    assert prod(partial) < 0.6 * prod(whole)


@given(chunks=st.lists(st.integers(1, 30), min_size=1, max_size=5), taps=st.integers(1, 40))
def test_a_partial_kernel_streams_over_chunks_as_in_one_pass(chunks, taps):
    x, kernel = drawn(2, 3, sum(chunks)), drawn(3, taps, seed=1)
    history, parts = initial_history(2, 3, taps, dtype=torch.float64), []
    with use(algorithm=AlgorithmName.MONARCH):
        for chunk in x.split(chunks, dim=-1):
            y, history = long_conv_step(chunk, kernel, history)
            parts.append(y)
    met = kernel[:, : sum(chunks)]
    expected = reference(causal(sum(chunks), kernel=met.shape[1]), x, met)
    assert_close(torch.cat(parts, -1), expected)


def test_the_plan_shows_it():
    plan = circulant.plan("long_conv", input=(2, 8, 4096), weight=(8, 4096), algorithm="monarch")
    assert str(plan.chosen) == "monarch on torch"
    assert plan.candidates[0].verdict.error(torch.float32) < 1e-6
