"""Selective scans: outputs, states and gradients of every order are those of the equation."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.flop_counter import FlopCounterMode

from circulant.algorithms.algorithm import AlgorithmName
from circulant.backends.table import Backend
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.engine.choice import Choice
from circulant.engine.selective_scan import selective_scan

WAYS = {
    "scan on torch": Choice(AlgorithmName.SCAN, Backend.TORCH),
    "scan on native": Choice(AlgorithmName.SCAN, Backend.NATIVE),
}
EVERY_WAY = pytest.mark.parametrize("choice", WAYS.values(), ids=WAYS)


def operands(batch=2, channels=4, groups=2, state=3, length=7, dtype=torch.float64):
    """u, delta, A, B, C and an initial state."""

    def drawn(*shape):
        return torch.randn(shape, dtype=torch.float64)

    shared = batch, groups, state, length
    u, delta = drawn(batch, channels, length), drawn(batch, channels, length).sigmoid()
    tensors = u, delta, -drawn(channels, state).exp(), drawn(*shared), drawn(*shared)
    return [tensor.to(dtype) for tensor in (*tensors, drawn(batch, channels, state))]


def loop(u, delta, A, B, C, h):
    """The equation for one channel and state after another."""
    _, channels, length = u.shape
    per_group = channels // B.shape[1]
    columns = []
    for l in range(length):
        column = []
        states = []
        for c in range(channels):
            g, step = c // per_group, delta[:, c, l, None]
            states.append(torch.exp(step * A[c]) * h[:, c] + step * u[:, c, l, None] * B[:, g, :, l])
            column.append((C[:, g, :, l] * states[-1]).sum(-1))
        h = torch.stack(states, dim=1)
        columns.append(torch.stack(column, dim=1))
    return torch.stack(columns, dim=-1), h


def scanned(*tensors, choice):
    *rest, start = tensors
    return selective_scan(*rest, initial_state=start, choice=choice)


@EVERY_WAY
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("length", [1, 7, 40])
def test_outputs_and_the_last_state_are_those_of_a_loop(choice, groups, length):
    tensors = operands(groups=groups, length=length)
    for got, expected in zip(scanned(*tensors, choice=choice), loop(*tensors)):
        assert_close(got, expected)


@EVERY_WAY
def test_more_steps_than_a_chunk_keep_their_states_and_gradients(choice):
    tensors = [tensor.requires_grad_() for tensor in operands(1, 2, 1, 2, 530)]
    got, expected = scanned(*tensors, choice=choice), loop(*tensors)
    for one, other in zip(got, expected):
        assert_close(one, other)
    cotangents = [torch.randn_like(part) for part in expected]
    gradients = (torch.autograd.grad(parts, tensors, cotangents) for parts in (got, expected))
    for one, other in zip(*gradients):
        assert_close(one, other)


@EVERY_WAY
def test_states_carried_across_cuts_continue_as_one_pass(choice):
    u, delta, A, B, C, state = operands(length=23)
    whole, last = selective_scan(u, delta, A, B, C, initial_state=state, choice=choice)
    pieces = []
    for steps in (slice(0, 1), slice(1, 12), slice(12, 23)):
        parts = (tensor[..., steps] for tensor in (B, C))
        y, state = selective_scan(
            u[..., steps], delta[..., steps], A, *parts, initial_state=state, choice=choice
        )
        pieces.append(y)
    assert_close(torch.cat(pieces, dim=-1), whole)
    assert_close(state, last)


@EVERY_WAY
def test_first_and_second_derivatives_are_those_of_differences(choice):
    leaves = tuple(tensor.requires_grad_() for tensor in operands(1, 2, 1, 2, 3))

    def scan(*tensors):
        return scanned(*tensors, choice=choice)

    assert gradcheck(scan, leaves)
    assert gradgradcheck(scan, leaves)


def test_third_derivatives_are_those_of_differences():
    u, *rest = operands(1, 1, 1, 1, 2)
    u, delta = u.requires_grad_(), rest[0].requires_grad_()

    def second(u, delta):
        y, _ = selective_scan(u, delta, *rest[1:4])
        first = torch.autograd.grad(y.sin().sum(), (u, delta), create_graph=True)
        total = sum(gradient.square().sum() for gradient in first)
        return torch.autograd.grad(total, (u, delta), create_graph=True)

    assert gradcheck(second, (u, delta))


@EVERY_WAY
def test_growing_states_are_exact(choice):
    u, delta, A, B, C, start = operands(length=30)
    for got, expected in zip(
        scanned(u, delta, -A, B, C, start, choice=choice), loop(u, delta, -A, B, C, start)
    ):
        assert_close(got, expected)


def test_skip_gate_bias_and_softplus_are_as_the_docstring_says():
    u, delta, A, B, C, _ = operands(groups=1)
    D, bias, z = (torch.randn(shape, dtype=torch.float64) for shape in (4, 4, u.shape))
    y, last = selective_scan(u, delta, A, B[:, 0], C[:, 0], D, z, bias, True)
    plain, state = loop(
        u, F.softplus(delta + bias[:, None]), A, B, C, torch.zeros(2, 4, 3, dtype=torch.float64)
    )
    assert_close(y, F.silu(z) * (plain + D[:, None] * u))
    assert_close(last, state)


def test_the_operators_pass_opcheck():
    tensors = operands(1, 2, 1, 1, 2)
    free = (None, None, None, None)
    leaves = [tensor.requires_grad_() for tensor in tensors]
    torch.library.opcheck(torch.ops.circulant.selective_scan.default, (*leaves, *free))
    cotangents = [torch.randn_like(tensors[0]), torch.randn_like(tensors[5])]
    gradients = [tensor.detach() for tensor in leaves] + cotangents
    torch.library.opcheck(
        torch.ops.circulant.selective_scan_gradients.default,
        ([tensor.requires_grad_() for tensor in gradients], *free),
    )


def test_vmap_maps_any_operands():
    u, delta, A, B, C, _ = operands(length=4)
    us, factors = torch.stack([u, 2 * u, -u]), torch.stack([A, 0.5 * A, 2 * A], dim=1)
    mapped = torch.func.vmap(selective_scan, in_dims=(0, None, 1, None, None))(us, delta, factors, B, C)
    for index in range(3):
        expected = selective_scan(us[index], delta, factors[:, index], B, C)
        for got, wanted in zip(mapped, expected):
            assert_close(got[index], wanted)


def test_vmap_maps_the_cotangents_of_one_scan():
    tensors = [tensor.requires_grad_() for tensor in operands(length=4)]
    y, _ = scanned(*tensors, choice=Choice())
    cotangents = torch.randn(3, *y.shape, dtype=y.dtype)

    def gradients(cotangent):
        return torch.autograd.grad(y, tensors, cotangent, retain_graph=True)

    batched = torch.func.vmap(gradients)(cotangents)
    for index, cotangent in enumerate(cotangents):
        for got, wanted in zip(batched, gradients(cotangent)):
            assert_close(got[index], wanted)


def test_the_counted_work_grows_with_states_and_steps():
    tensors = operands(2, 4, 2, 3, 7)
    with FlopCounterMode(display=False) as counter:
        selective_scan(*tensors[:5])
    assert counter.get_total_flops() == 6 * 2 * 4 * 3 * 7
    leaves = [tensor.requires_grad_() for tensor in tensors[:5]]
    with FlopCounterMode(display=False) as counter:
        selective_scan(*leaves)[0].sum().backward()
    assert counter.get_total_flops() == 4 * 6 * 2 * 4 * 3 * 7


def test_compiled_code_takes_any_length_without_compiling_again():
    compiled = torch.compile(selective_scan, backend="aot_eager", fullgraph=True, dynamic=True)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for length in (8, 9, 23):
            *tensors, _ = operands(length=length)
            for got, expected in zip(compiled(*tensors), selective_scan(*tensors)):
                assert_close(got, expected)


@EVERY_WAY
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_has_states_and_sums_in_float32(choice, dtype):
    u, delta, A, B, C, _ = operands(length=50)
    halves = [tensor.to(dtype).requires_grad_() for tensor in (u, delta, B, C)]
    factor = A.float().requires_grad_()
    y, last = selective_scan(*halves[:2], factor, *halves[2:], choice=choice)
    assert (y.dtype, last.dtype) == (dtype, torch.float32)
    u, delta, B, C = (tensor.detach().double() for tensor in halves)
    exact = u, delta, factor.detach().double(), B, C, torch.zeros(2, 4, 3, dtype=torch.float64)
    expected = loop(*(tensor.requires_grad_() for tensor in exact))
    assert_close(y, expected[0], torch.finfo(dtype).eps)
    assert_close(last, expected[1], RELATIVE[torch.float32])
    got = torch.autograd.grad(y.sum(), [halves[0], factor])
    wanted = torch.autograd.grad(expected[0].sum(), [exact[0], exact[2]])
    assert_close(got[0], wanted[0], torch.finfo(dtype).eps)
    assert_close(got[1], wanted[1], RELATIVE[torch.float32])


def test_no_states_of_all_steps_are_kept_for_the_backward_pass():
    tensors = [tensor.requires_grad_() for tensor in operands(1, 4, 1, 16, 200)]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        scanned(*tensors, choice=Choice())
    assert max(kept) == tensors[3].numel() == 16 * 200 < 4 * 16 * 200


def test_autocast_keeps_the_widest_dtype():
    u, delta, A, B, C, _ = operands(dtype=torch.float32)
    expected = selective_scan(u.bfloat16().float(), delta, A, B, C)
    with torch.autocast("cpu", torch.bfloat16):
        got = selective_scan(u.bfloat16(), delta, A, B, C)
    assert all(torch.equal(one, other) for one, other in zip(got, expected))


def test_an_empty_batch_has_no_outputs_and_no_gradient():
    u, delta, A, B, C, _ = operands(batch=0)
    y, last = selective_scan(u, delta, A.requires_grad_(), B, C)
    assert (y.shape, last.shape) == ((0, 4, 7), (0, 4, 3))
    (gradient,) = torch.autograd.grad(y.sum() + last.sum(), A)
    assert torch.equal(gradient, torch.zeros_like(A))


@pytest.mark.parametrize(
    ("changed", "shape", "words"),
    [
        (0, (2, 4, 6), r"u and delta \(B, C, L\)"),
        (2, (5, 3), r"A \(C, N\) with C = 4"),
        (3, (2, 3, 3, 7), "G a divisor of C = 4"),
        (4, (2, 2, 3, 6), r"B and C \(B, G, N, L\) = \(2, G, 3, 7\)"),
        (5, (2, 4, 2), r"initial_state \(2, 4, 3\)"),
    ],
)
def test_operands_that_do_not_fit_are_refused(changed, shape, words):
    tensors = operands()
    tensors[changed] = torch.zeros(shape, dtype=torch.float64)
    with pytest.raises(ShapeError, match=words):
        scanned(*tensors, choice=Choice())


def test_a_skip_of_other_size_and_a_second_dtype_are_refused():
    tensors = operands()[:5]
    with pytest.raises(ShapeError, match=r"D \(C,\) with C = 4"):
        selective_scan(*tensors, torch.zeros(3, dtype=torch.float64))
    with pytest.raises(DtypeError, match="delta of u's dtype"):
        selective_scan(tensors[0], tensors[1].float(), *tensors[2:])
