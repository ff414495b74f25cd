"""The delta rule: chunks, the recurrence and products of Householder matrices are one function."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.flop_counter import FlopCounterMode

from circulant.algorithms.algorithm import AlgorithmName
from circulant.backends.table import Backend
from circulant.backends.torch.delta_solve import chunked
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import Choice
from circulant.engine.delta_rule import delta_rule, delta_rule_state
from circulant.engine.linear_attention import linear_attention, linear_attention_state
from circulant.problems.delta_solve import DeltaSolveProblem, reference
from circulant.problems.linear_attention import Decay

WAYS = {
    "sequential on torch": Choice(AlgorithmName.SEQUENTIAL, Backend.TORCH),
    "chunked on torch": Choice(AlgorithmName.CHUNKED, Backend.TORCH),
    "direct on torch": Choice(AlgorithmName.DIRECT, Backend.TORCH),
    "chunked on native": Choice(AlgorithmName.CHUNKED, Backend.NATIVE),
}
EVERY_WAY = pytest.mark.parametrize("choice", WAYS.values(), ids=WAYS)
# the direct one makes a square of all pairs of steps, which is for short inputs
LONG_WAYS = {name: way for name, way in WAYS.items() if way.algorithm is not AlgorithmName.DIRECT}
EVERY_LONG_WAY = pytest.mark.parametrize("choice", LONG_WAYS.values(), ids=LONG_WAYS)
B, H, D, E = 2, 3, 4, 3
KINDS = {"none": 0, "head": 1, "step": 3, "key": 4}  # axes of the log decay
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def drawn(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=torch.float64).to(dtype)


def operands(kind, length):
    """q, k, v, beta, log decay, initial state."""
    shape = {0: None, 1: (H,), 3: (B, H, length), 4: (B, H, length, D)}[KINDS[kind]]
    decay = None if shape is None else -drawn(*shape).abs()
    k = torch.nn.functional.normalize(drawn(B, H, length, D), dim=-1)
    beta = torch.rand(B, H, length, dtype=torch.float64) * 2
    return drawn(B, H, length, D), k, drawn(B, H, length, E), beta, decay, drawn(B, H, D, E)


def leaves(tensors):
    return [None if tensor is None else tensor.clone().requires_grad_() for tensor in tensors]


def transitions(k, beta, log_decay):
    """The matrices (1 - beta k k^T) diag(decay), (B, H, L, D, D)."""
    householder = torch.eye(D, dtype=k.dtype) - (beta[..., None] * k)[..., None] * k[..., None, :]
    if log_decay is None:
        return householder
    shaped = {1: lambda g: g[None, :, None, None, None], 3: lambda g: g[..., None, None]}
    return householder * torch.exp(shaped.get(log_decay.ndim, lambda g: g[..., None, :])(log_decay))


def loop(q, k, v, beta, log_decay=None, initial=None):
    """S <- (1 - beta k k^T) diag(decay) S + beta k v^T, step after step: y, and the last state."""
    state = torch.zeros(B, H, D, E, dtype=v.dtype) if initial is None else initial
    matrix, rows = transitions(k, beta, log_decay), []
    for t in range(q.shape[2]):
        written = (beta[:, :, t, None] * k[:, :, t])[..., None] * v[:, :, t, None, :]
        state = matrix[:, :, t] @ state + written
        rows.append((q[:, :, t, :, None] * state).sum(2))
    return torch.stack(rows, 2), state


def householder_products(q, k, v, beta, log_decay=None):
    """y[t] = sum_m q[t]^T M[t] .. M[m+1] beta[m] k[m] v[m]^T, the weight of each pair of steps by itself."""
    matrix, length = transitions(k, beta, log_decay), q.shape[2]
    rows = []
    for t in range(length):
        row, product = 0, q[:, :, t, None]
        for m in range(t, -1, -1):
            row = row + (product @ (beta[:, :, m, None] * k[:, :, m])[..., None]) * v[:, :, m, None]
            product = product @ matrix[:, :, m]
        rows.append(row[:, :, 0])
    return torch.stack(rows, 2)


def gradients(form, tensors):
    wanted = [tensor for tensor in tensors if tensor is not None]
    y = form(*tensors)
    cotangent = torch.sin(torch.arange(y.numel(), dtype=y.dtype)).view(y.shape)
    return torch.autograd.grad(y, wanted, cotangent)


@EVERY_WAY
@EVERY_KIND
@pytest.mark.parametrize("length", [1, 2, 13, 64, 101])
def test_outputs_and_gradients_are_those_of_the_recurrence(choice, kind, length):
    for start in (True, False):
        tensors = leaves(operands(kind, length)[: 6 if start else 5])
        assert_close(delta_rule(*tensors, choice=choice), loop(*tensors)[0], 1e-10)
        got = gradients(lambda *t: delta_rule(*t, choice=choice), tensors)
        for mine, expected in zip(got, gradients(lambda *t: loop(*t)[0], tensors), strict=True):
            assert_close(mine, expected, 1e-10)


@EVERY_WAY
@EVERY_KIND
@pytest.mark.parametrize("length", [2, 9, 23])
def test_outputs_and_gradients_are_those_of_products_of_householder_matrices(choice, kind, length):
    tensors = leaves(operands(kind, length)[:5])
    assert_close(delta_rule(*tensors, choice=choice), householder_products(*tensors), 1e-10)
    got = gradients(lambda *t: delta_rule(*t, choice=choice), tensors)
    for mine, expected in zip(got, gradients(householder_products, tensors), strict=True):
        assert_close(mine, expected, 1e-10)


@pytest.mark.parametrize("length", [1, 6, 21, 40])
@EVERY_KIND
def test_every_size_of_chunk_gives_the_same(length, kind):
    _, k, v, beta, log_decay, start = operands(kind, length)
    given = [t for t in (beta[..., None] * k, k, beta[..., None] * v, log_decay, start) if t is not None]
    problem = DeltaSolveProblem(torch.float64, B, H, length, D, E, Decay(kind), True)
    expected = reference(problem, *given)
    for chunk in range(1, length + 2):
        assert_close(chunked(problem, *given, chunk=chunk), expected, 1e-10)


@EVERY_WAY
def test_a_key_written_twice_with_full_strength_holds_the_last_value_exactly(choice):
    key = torch.zeros(1, 1, 1, 4)
    key[..., 2] = 1.0
    k, v, ones = key.expand(1, 1, 5, 4), drawn(1, 1, 5, 3, dtype=torch.float32), torch.ones(1, 1, 5)
    v = torch.round(v * 8)  # sums and differences of these are exact
    assert torch.equal(delta_rule(k, k, v, ones, choice=choice), v)
    state = delta_rule_state(k, v, ones, choice=choice)
    assert torch.equal(state[0, 0, 2], v[0, 0, -1])


@EVERY_WAY
def test_orthogonal_keys_are_plain_linear_attention(choice):
    q, v = drawn(1, 1, 6, 6), drawn(1, 1, 6, 3)
    k = torch.linalg.qr(drawn(6, 6))[0][None, None]
    assert_close(delta_rule(q, k, v, torch.ones(1, 1, 6).double(), choice=choice), linear_attention(q, k, v))


@EVERY_WAY
def test_without_strength_there_is_only_decay(choice):
    q, k, v, beta, log_decay, start = operands("step", 30)
    y = delta_rule(q, k, v, 0 * beta, log_decay, start, choice=choice)
    assert_close(y, linear_attention(q, k, 0 * v, log_decay, start))
    state = delta_rule_state(k, v, 0 * beta, log_decay, start, choice=choice)
    assert_close(state, torch.exp(log_decay.sum(2))[..., None, None] * start)


@EVERY_WAY
@EVERY_KIND
@settings(max_examples=10)
@given(length=st.integers(2, 90), cut=st.integers(1, 89))
def test_a_state_carried_across_a_cut_continues_as_one_pass(choice, kind, length, cut):
    cut = min(cut, length - 1)
    *tensors, log_decay, start = operands(kind, length)

    def part(steps):
        decay = log_decay if kind in ("none", "head") else log_decay[:, :, steps]
        return *(tensor[:, :, steps] for tensor in tensors), decay

    early, late = part(slice(0, cut)), part(slice(cut, None))
    state = delta_rule_state(*early[1:], start, choice=choice)
    halves = delta_rule(*early, start, choice=choice), delta_rule(*late, state, choice=choice)
    whole, last = loop(*tensors, log_decay, start)
    assert_close(torch.cat(halves, 2), whole, 1e-10)
    assert_close(delta_rule_state(*late[1:], state, choice=choice), last, 1e-10)


@EVERY_LONG_WAY
@pytest.mark.parametrize("kind", ["head", "step", "key"])
def test_a_strong_decay_over_a_long_input_keeps_its_digits(choice, kind):
    tensors = list(operands(kind, 4096))
    tensors[4] = torch.full_like(tensors[4], math.log(1e-3))
    single = leaves(tensor.float() for tensor in tensors)
    y = delta_rule(*single, choice=choice)
    assert_close(y, loop(*(tensor.double() for tensor in single))[0], 1e-5)
    for gradient in torch.autograd.grad(y.square().sum(), single):
        assert gradient.isfinite().all()


@EVERY_KIND
def test_first_and_second_derivatives_are_those_of_differences(kind):
    shape = {0: None, 1: (2,), 3: (1, 2, 3), 4: (1, 2, 3, 2)}[KINDS[kind]]
    keyed, decay = (1, 2, 3, 2), None if shape is None else -drawn(*shape).abs()
    beta = torch.rand(1, 2, 3, dtype=torch.float64)
    tensors = leaves((drawn(*keyed), drawn(*keyed), drawn(1, 2, 3, 1), beta, decay, drawn(1, 2, 2, 1)))
    assert gradcheck(delta_rule, tensors)
    assert gradgradcheck(delta_rule, tensors)


@EVERY_KIND
def test_the_last_state_is_differentiable_too(kind):
    tensors = leaves(operands(kind, 4)[1:])
    assert gradcheck(delta_rule_state, tensors)


@EVERY_KIND
def test_derivatives_of_one_operand_alone_are_there(kind):
    for wanted in range(6):
        tensors = list(operands(kind, 6))
        if tensors[wanted] is None:
            continue
        tensors[wanted].requires_grad_()
        got = torch.autograd.grad(delta_rule(*tensors).square().sum(), tensors[wanted])[0]
        expected = torch.autograd.grad(loop(*tensors)[0].square().sum(), tensors[wanted])[0]
        assert_close(got, expected)


@EVERY_KIND
@pytest.mark.parametrize("reverse", [False, True])
def test_the_operator_passes_opcheck(kind, reverse):
    _, k, v, beta, log_decay, start = operands(kind, 6)
    tensors = leaves((beta[..., None] * k, k, v, log_decay, None if reverse else start))
    arguments = (*tensors, reverse, None, None, None, None)
    torch.library.opcheck(torch.ops.circulant.delta_solve.default, arguments)


@EVERY_KIND
@pytest.mark.parametrize("mapped", [(0,) * 6, (None, 0, None, 0, None, 1)], ids=str)
def test_vmap_maps_each_operand(kind, mapped):
    whole, axes = [], []
    for tensor, axis in zip(operands(kind, 5), mapped):
        axis = None if tensor is None else axis
        axes.append(axis)
        whole.append(tensor if axis is None else torch.stack([tensor, tensor * 0.5, tensor * 0.8], axis))

    def one(index):
        return [t if axis is None else t.select(axis, index) for t, axis in zip(whole, axes)]

    expected = torch.stack([delta_rule(*one(index)) for index in range(3)])
    assert_close(torch.func.vmap(delta_rule, in_dims=tuple(axes))(*whole), expected)


def test_the_counted_work_is_two_products_with_the_state_each_for_solve_and_attention():
    q, k, v, beta, _, _ = operands("none", 7)
    with FlopCounterMode(display=False) as counter:
        delta_rule(q, k, v, beta)
    assert counter.get_total_flops() == 8 * B * H * 7 * D * E


@EVERY_KIND
def test_compiled_code_takes_any_length_without_compiling_again(kind):
    torch._dynamo.reset()  # another kind is another compilation
    compiled = torch.compile(delta_rule, backend="aot_eager", fullgraph=True, dynamic=True)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for length in (8, 9, 23):
            tensors = operands(kind, length)
            assert_close(compiled(*tensors), loop(*tensors)[0])


def test_on_meta_there_is_a_shape_and_no_work():
    q, k, v, beta, log_decay, start = (tensor.to("meta") for tensor in operands("step", 9))
    assert delta_rule(q, k, v, beta, log_decay, start).shape == (B, H, 9, E)
    assert delta_rule_state(k, v, beta, log_decay, start).shape == (B, H, D, E)


@EVERY_WAY
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_computed_in_float32(choice, dtype):
    q, k, v, beta, log_decay, start = operands("step", 200)
    q, k, v, beta = (tensor.to(dtype) for tensor in (q, k, v, beta))
    got = delta_rule(q, k, v, beta, log_decay.float(), start.float(), choice=choice)
    assert got.dtype == dtype
    wide = [tensor.double() for tensor in (q, k, v, beta, log_decay, start)]
    assert_close(got, loop(*wide)[0], 4 * torch.finfo(dtype).eps)  # what is written is rounded too
    assert delta_rule_state(k, v, beta).dtype == torch.float32


def test_the_state_is_that_of_linear_attention_to_what_is_written():
    _, k, v, _, _, start = operands("none", 1)
    ones = torch.ones(B, H, 1, dtype=torch.float64)
    held = (k[:, :, 0, :, None] * start).sum(2)
    expected = linear_attention_state(k, v - held[:, :, None], None, start)
    assert_close(delta_rule_state(k, v, ones, None, start), expected)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 1), (2, 3, 4)), r"beta \(B, H, L\) = \(2, 3, 5\)"),
        (((2, 3, 5), (2, 3, 5), (2, 3, 5), (2, 3, 5)), r"q and k \(B, H, L, D\)"),
        (((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 1), (2, 3, 5), (5,)), "log_decay"),
    ],
)
def test_operands_that_do_not_fit_are_refused(shapes, words):
    with pytest.raises(ShapeError, match=words):
        delta_rule(*(torch.zeros(shape) for shape in shapes))


def test_two_dtypes_are_refused():
    q = torch.zeros(1, 1, 2, 1)
    with pytest.raises(DtypeError, match="beta of q's dtype"):
        delta_rule(q, q, q, torch.zeros(1, 1, 2).double())
