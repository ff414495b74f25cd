"""The door to long convolution equals the direct sum, whatever the length, kernel, boundary and plan."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

import circulant
from circulant.backends.native import core
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.functional import AlgorithmName, Backend, LongBoundary, conv1d, conv2d, long_conv

DENSE_SUM = 1100  # longest input for which the whole direct sum is evaluated
DIRECT_ALGORITHM = 1 << 13  # longest kernel for the direct algorithm: its work grows with the square


@pytest.fixture(autouse=True)
def _one_thread():
    """Most problems are tiny: waking a second thread takes longer than solving them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def direct_sum(x, kernel, boundary):
    """y[l] = sum_m k[m] x[l + shift - m], one tap after another; differentiable."""
    L, K = x.shape[-1], kernel.shape[-1]
    shift = (K - 1) // 2 if boundary is LongBoundary.SAME else 0
    y = torch.zeros_like(x)
    for m in range(K):
        source = torch.arange(L) + shift - m
        inside = torch.ones(L, dtype=torch.bool)
        if boundary is not LongBoundary.CIRCULAR:
            inside = (source >= 0) & (source < L)
        y = y + kernel[:, m, None] * x[..., source % L] * inside
    return y


def whole_sum(x, kernel, boundary):
    """The same in numpy, for x and kernel (C, L) of one length."""
    L = x.shape[-1]
    full = np.stack([np.convolve(a, b) for a, b in zip(x.numpy(), kernel.numpy())])
    if boundary is LongBoundary.CIRCULAR:
        full[:, : L - 1] += full[:, L:]
    start = (L - 1) // 2 if boundary is LongBoundary.SAME else 0
    return torch.from_numpy(full[:, start : start + L])


def some_sums(x, kernel, boundary, positions):
    """The same sums at some positions only, each a scalar product."""
    L = x.shape[-1]
    shift = (L - 1) // 2 if boundary is LongBoundary.SAME else 0
    columns = []
    for l in positions.tolist():
        source = l + shift - torch.arange(L)
        inside = (source >= 0) & (source < L) | (boundary is LongBoundary.CIRCULAR)
        columns.append((kernel * x[:, source % L] * inside).sum(-1))
    return torch.stack(columns, -1)


def possible(x, kernel, boundary):
    """What the plan says can run, the planner's own choice first."""
    plan = circulant.plan("long_conv", input=x.shape, weight=kernel.shape, boundary=boundary, dtype=x.dtype)
    rows = [candidate.implementation for candidate in plan.candidates if candidate.is_possible]
    return [(None, None)] + [(row.algorithm.name, row.backend) for row in rows]


def check_length(length, boundary):
    """A kernel as long as the input, in both precisions, by every plan."""
    x, kernel = drawn(2, length, seed=length), drawn(2, length, seed=length + 1)
    if length <= DENSE_SUM:
        positions, expected = torch.arange(length), whole_sum(x, kernel, boundary)
    else:
        ends = torch.tensor([0, 1, length // 2, length - 2, length - 1])
        positions = torch.cat([ends, torch.randint(length, (20,))])
        expected = some_sums(x, kernel, boundary, positions)
    for dtype in (torch.float64, torch.float32):
        operands = x[None].to(dtype), kernel.to(dtype)
        for algorithm, backend in possible(*operands, boundary):
            if algorithm is AlgorithmName.DIRECT and length > DIRECT_ALGORITHM:
                continue
            y = long_conv(*operands, boundary=boundary, algorithm=algorithm, backend=backend)
            assert y.dtype == dtype
            what = f"length {length} in {dtype} by {algorithm} on {backend}"
            assert_close(y[0, :, positions], expected, RELATIVE[dtype], what)


def primes(limit):
    sieve = np.ones(limit + 1, dtype=bool)
    sieve[:2] = False
    for n in range(2, int(limit**0.5) + 1):
        sieve[n * n :: n] &= not sieve[n]
    return np.flatnonzero(sieve).tolist()


def hostile_lengths():
    known = primes(1 << 17)
    powers = [1 << k for k in range(1, 18)]
    below = [max(p for p in known if p < power) for power in powers[1:]]
    around = [power + step for power in powers for step in (-1, 0, 1)]
    return sorted({*below, *around, *(p for p in known if p < 1000)} - set(range(301)))


@pytest.mark.parametrize("boundary", LongBoundary, ids=lambda boundary: boundary.value)
@pytest.mark.parametrize("first", range(1, 301, 50))
def test_every_length_to_300_equals_the_direct_sum(first, boundary):
    for length in range(first, first + 50):
        check_length(length, boundary)


@pytest.mark.parametrize("boundary", LongBoundary, ids=lambda boundary: boundary.value)
def test_primes_and_the_neighbours_of_powers_of_two_equal_the_direct_sum(boundary):
    lengths = hostile_lengths()
    assert {307, 997, 1021, 65537, 131071, 131073} <= set(lengths)
    for length in lengths:
        check_length(length, boundary)


@st.composite
def calls(draw):
    batch, channels, length = draw(st.integers(0, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 24))
    taps = draw(st.one_of(st.integers(1, 60), st.just(1), st.just(length)))
    extras = draw(st.sets(st.sampled_from(["skip", "gate_in", "gate_out"])))
    return (batch, channels, length), taps, sorted(extras), draw(st.sampled_from(list(LongBoundary)))


@settings(max_examples=400)
@given(calls())
def test_any_kernel_with_gates_and_skip_equals_the_direct_sum_with_its_gradients(call):
    shape, taps, extras, boundary = call
    leaves = {"x": drawn(*shape, seed=1), "kernel": drawn(shape[1], taps, seed=2)}
    for seed, name in enumerate(extras):
        leaves[name] = drawn(*(shape[1:2] if name == "skip" else shape), seed=3 + seed)
    leaves = {name: leaf.requires_grad_() for name, leaf in leaves.items()}

    def expected_result(x, kernel, skip=None, gate_in=None, gate_out=None):
        z = x if gate_in is None else x * gate_in
        y = direct_sum(z, kernel, boundary) + (0 if skip is None else skip[:, None] * z)
        return y if gate_out is None else y * gate_out

    expected, cotangent = expected_result(**leaves), drawn(*shape, seed=9)
    wanted = torch.autograd.grad(expected, list(leaves.values()), cotangent)
    for algorithm, backend in possible(leaves["x"], leaves["kernel"], boundary):
        y = long_conv(**leaves, boundary=boundary, algorithm=algorithm, backend=backend)
        what = f"by {algorithm} on {backend}"
        assert_close(y, expected, what=f"output {what}")
        for name, got, want in zip(leaves, torch.autograd.grad(y, list(leaves.values()), cotangent), wanted):
            assert_close(got, want, what=f"gradient of {name} {what}")


def test_the_extra_tap_of_an_even_centred_kernel_looks_back():
    x = torch.tensor([[[0.0, 0.0, 1.0, 0.0, 0.0]]])
    y = long_conv(x, torch.tensor([[1.0, 2.0, 3.0, 4.0]]), boundary="same")
    assert y[0, 0].round(decimals=5).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("layout", [(2, 1, 0), (1, 0, 2), (0, 2, 1)])
def test_memory_layout_does_not_matter(layout):
    x, kernel = drawn(3, 4, 5), drawn(4, 5, seed=1)
    inverse = [layout.index(axis) for axis in range(3)]
    strided, turned = x.permute(layout).contiguous().permute(inverse), kernel.T.contiguous().T
    assert not strided.is_contiguous()
    for algorithm, backend in possible(x, kernel, LongBoundary.CAUSAL):
        got = long_conv(strided, turned, algorithm=algorithm, backend=backend)
        assert_close(got, direct_sum(x, kernel, LongBoundary.CAUSAL))


@pytest.mark.parametrize("boundary", LongBoundary, ids=lambda boundary: boundary.value)
@pytest.mark.parametrize("taps", [1, 4, 9])
def test_first_and_second_derivatives_agree_with_finite_differences(boundary, taps):
    x, kernel = drawn(2, 2, 5).requires_grad_(), drawn(2, taps, seed=1).requires_grad_()
    for algorithm, backend in possible(x, kernel, boundary):

        def function(*operands, forced=(algorithm, backend)):
            return long_conv(*operands, boundary=boundary, algorithm=forced[0], backend=forced[1])

        assert gradcheck(function, (x, kernel), fast_mode=True)
        assert gradgradcheck(function, (x, kernel), fast_mode=True)


@pytest.mark.parametrize("slot", ["output", "input", "kernel"])
def test_the_registered_operator_passes_the_checks_of_torch(slot):
    first, second = drawn(2, 3, 7), drawn(2, 3, 7, seed=1) if slot == "kernel" else drawn(3, 5, seed=1)
    for requires_grad in (False, True):
        operands = [operand.clone().requires_grad_(requires_grad) for operand in (first, second)]
        torch.library.opcheck(
            torch.ops.circulant.long_conv.default,
            (*operands, [5, 2, 0], slot, None, None, None, None),
        )


def test_both_gradients_at_once_pass_the_checks_of_torch():
    operands = drawn(2, 3, 7), drawn(3, 5, seed=1), drawn(2, 3, 7, seed=2)
    for requires_grad in (False, True):
        given = [operand.clone().requires_grad_(requires_grad) for operand in operands]
        torch.library.opcheck(
            torch.ops.circulant.long_conv_gradients.default, (*given, [5, 2, 0], None, None, None, None)
        )


@pytest.mark.parametrize("extras", [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_the_gated_operator_passes_the_checks_of_torch(extras):
    drawn_extras = drawn(3, seed=2), drawn(2, 3, 7, seed=3), drawn(2, 3, 7, seed=4)
    operands = [drawn(2, 3, 7), drawn(3, 5, seed=1)]
    operands += [extra if there else None for extra, there in zip(drawn_extras, extras)]
    for requires_grad in (False, True):
        given = [None if o is None else o.clone().requires_grad_(requires_grad) for o in operands]
        torch.library.opcheck(
            torch.ops.circulant.gated_long_conv.default, (*given, [5, 2, 0], None, None, None, None)
        )


def test_gates_and_skip_have_first_and_second_derivatives():
    x, kernel = drawn(2, 2, 5).requires_grad_(), drawn(2, 4, seed=1).requires_grad_()
    skip, *gates = drawn(2, seed=2), drawn(2, 2, 5, seed=3), drawn(2, 2, 5, seed=4)
    extras = [extra.requires_grad_() for extra in (skip, *gates)]

    def function(x, kernel, skip, gate_in, gate_out):
        return long_conv(x, kernel, skip=skip, gate_in=gate_in, gate_out=gate_out, boundary="same")

    assert gradcheck(function, (x, kernel, *extras), fast_mode=True)
    assert gradgradcheck(function, (x, kernel, *extras), fast_mode=True)


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiled_code_plans_for_the_sizes_it_gets(dynamic):
    torch._dynamo.reset()

    def model(x, kernel, weight, picture, filters):
        y = long_conv(x, kernel, boundary="same", skip=kernel[:, 0])
        y = conv1d(y, weight, padding="same", boundary="circular")
        return y.sum() + conv2d(picture, filters, padding=4, groups=2).square().sum()

    compiled = torch.compile(model, fullgraph=True, backend="aot_eager", dynamic=dynamic)
    for length in (11, 30):
        operands = [
            drawn(2, 3, length), drawn(3, 17, seed=1), drawn(2, 3, 4, seed=2),
            drawn(1, 2, length, 12, seed=3), drawn(2, 1, 9, 9, seed=4),
        ]  # fmt: skip
        leaves = [operand.requires_grad_() for operand in operands]
        got, expected = compiled(*leaves), model(*leaves)
        assert_close(got, expected)
        for a, b in zip(torch.autograd.grad(got, leaves), torch.autograd.grad(expected, leaves)):
            assert_close(a, b)


@pytest.mark.parametrize("in_dims", [(0, None), (None, 1), (2, 0)])
def test_vmap_maps_either_operand(in_dims):
    x, kernel = drawn(2, 3, 8), drawn(3, 6, seed=1)
    rows = [
        operand if axis is None else torch.stack([operand, 2 * operand, -operand], axis)
        for operand, axis in zip((x, kernel), in_dims)
    ]
    got = torch.vmap(long_conv, in_dims=in_dims)(*rows)
    for index, factor in enumerate((1, 2, -1)):
        factors = [1 if axis is None else factor for axis in in_dims]
        expected = direct_sum(factors[0] * x, factors[1] * kernel, LongBoundary.CAUSAL)
        assert_close(got[index], expected)


def test_many_cotangents_at_once_equal_one_after_another():
    leaves = [drawn(2, 3, 8).requires_grad_(), drawn(3, 5, seed=1).requires_grad_()]
    y, cotangents = long_conv(*leaves), drawn(4, 2, 3, 8, seed=2)
    together = torch.autograd.grad(y, leaves, cotangents, is_grads_batched=True, retain_graph=True)
    for index, cotangent in enumerate(cotangents):
        alone = torch.autograd.grad(y, leaves, cotangent, retain_graph=True)
        for got, expected in zip(together, alone):
            assert_close(got[index], expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_kept_and_accumulated_in_float32(dtype):
    x, kernel = drawn(2, 3, 2000, dtype=dtype), drawn(3, 2000, seed=1, dtype=dtype)
    exact = whole_sum(x[0].double(), kernel.double(), LongBoundary.CAUSAL)
    for algorithm, backend in possible(x, kernel, LongBoundary.CAUSAL):
        if algorithm is AlgorithmName.DIRECT:
            continue  # torch's own depthwise kernel, whose accumulation is torch's business
        y = long_conv(x, kernel, algorithm=algorithm, backend=backend)
        assert y.dtype == dtype
        assert_close(y[0], exact, RELATIVE[dtype] / 4, what=f"by {algorithm} on {backend}")


@pytest.mark.parametrize("length", [20, 3000])
def test_autocast_decides_the_dtype_whatever_the_plan(length):
    x, kernel = drawn(1, 2, length, dtype=torch.float32), drawn(2, length, seed=1, dtype=torch.float32)
    leaves = [x.requires_grad_(), kernel.requires_grad_()]
    for algorithm, backend in possible(x.bfloat16(), kernel.bfloat16(), LongBoundary.CAUSAL):
        with torch.autocast("cpu", torch.bfloat16):
            y = long_conv(*leaves, algorithm=algorithm, backend=backend)
            doubles = long_conv(x.double(), kernel.double())
        assert y.dtype == torch.bfloat16
        assert doubles.dtype == torch.float64
        assert all(g.dtype == torch.float32 for g in torch.autograd.grad(y.float().sum(), leaves))
        assert_close(y.double(), doubles, RELATIVE[torch.bfloat16])


@pytest.mark.parametrize("forced", [Backend.NATIVE, None], ids=["forced", "planned"])
def test_native_means_that_the_core_is_called(forced):
    x, kernel = drawn(2, 8, 4096, dtype=torch.float32), drawn(8, 4096, seed=1, dtype=torch.float32)
    plan = circulant.plan("long_conv", input=x.shape, weight=kernel.shape)
    assert plan.chosen.backend is Backend.NATIVE
    leaves = [x.requires_grad_(), kernel.requires_grad_()]
    before = core.load().call_count()
    y = long_conv(*leaves, backend=forced)
    assert core.load().call_count() == before + 1
    torch.autograd.grad(y.sum(), leaves)
    assert core.load().call_count() == before + 2  # both gradients at once
    long_conv(*leaves, backend="torch")
    assert core.load().call_count() == before + 2
