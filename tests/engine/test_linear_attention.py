"""Linear attention: every way computes the recurrence, under any decay, and differentiates to any order."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.flop_counter import FlopCounterMode

from circulant.algorithms.algorithm import AlgorithmName
from circulant.algorithms.linear_attention import ChunkedAttention
from circulant.backends.table import Backend
from circulant.backends.torch.linear_attention import chunked
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import FREE, Choice
from circulant.engine.linear_attention import linear_attention, linear_attention_state
from circulant.problems.linear_attention import Decay, LinearAttentionProblem, reference

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
    """q, k, v, log decay, initial state."""
    shape = {0: None, 1: (H,), 3: (B, H, length), 4: (B, H, length, D)}[KINDS[kind]]
    decay = None if shape is None else -drawn(*shape).abs()
    keyed = (B, H, length, D)
    return drawn(*keyed), drawn(*keyed), drawn(B, H, length, E), decay, drawn(B, H, D, E)


def leaves(tensors):
    return [None if tensor is None else tensor.clone().requires_grad_() for tensor in tensors]


def factors(log_decay, length):
    """(B, H, L, D, 1), written out."""
    if log_decay is None:
        return torch.ones(B, H, length, D, 1, dtype=torch.float64)
    shaped = {1: lambda g: g[None, :, None, None], 3: lambda g: g[..., None], 4: lambda g: g}
    return torch.exp(shaped[log_decay.ndim](log_decay)).expand(B, H, length, D)[..., None]


def loop(q, k, v, log_decay=None, initial=None):
    """The equation step after step: y, and the last state."""
    length = q.shape[2]
    factor, state, rows = factors(log_decay, length), 0 if initial is None else initial, []
    for t in range(length):
        state = factor[:, :, t] * state + k[:, :, t, :, None] * v[:, :, t, None, :]
        rows.append((q[:, :, t, :, None] * state).sum(2))
    return torch.stack(rows, 2), state


def masked_square(q, k, v, log_decay=None):
    """The matrix of all pairs of steps, each weight a product of the factors between."""
    length = q.shape[2]
    factor, weights = factors(log_decay, length)[..., 0], []
    for later in range(length):
        row = [factor[:, :, m + 1 : later + 1].prod(2) for m in range(later + 1)]
        row += [torch.zeros_like(factor[:, :, 0])] * (length - later - 1)
        weights.append(torch.stack(row, 2))
    return torch.einsum("bhtd,bhmd,bhtmd,bhme->bhte", q, k, torch.stack(weights, 2), v)


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
        tensors = leaves(operands(kind, length)[: 5 if start else 4])
        assert_close(linear_attention(*tensors, choice=choice), loop(*tensors)[0], 1e-10)
        got = gradients(lambda *t: linear_attention(*t, choice=choice), tensors)
        for mine, expected in zip(got, gradients(lambda *t: loop(*t)[0], tensors), strict=True):
            assert_close(mine, expected, 1e-10)


@EVERY_WAY
@EVERY_KIND
@pytest.mark.parametrize("length", [1, 7, 16, 23])
def test_outputs_and_gradients_are_those_of_the_masked_square(choice, kind, length):
    tensors = leaves(operands(kind, length)[:4])
    assert_close(linear_attention(*tensors, choice=choice), masked_square(*tensors), 1e-10)
    got = gradients(lambda *t: linear_attention(*t, choice=choice), tensors)
    for mine, expected in zip(got, gradients(masked_square, tensors), strict=True):
        assert_close(mine, expected, 1e-10)


@pytest.mark.parametrize("length", [1, 6, 21, 40])
@pytest.mark.parametrize("decay", Decay)
def test_every_size_of_chunk_gives_the_same(length, decay):
    kind = "key" if decay is Decay.VALUE else decay.value
    q, k, v, log_decay, start = operands(kind, length)
    if decay is Decay.VALUE:
        log_decay = -drawn(B, H, length, E).abs()
    given = [tensor for tensor in (q, k, v, log_decay, start) if tensor is not None]
    problem = LinearAttentionProblem(torch.float64, B, H, length, D, E, decay, True)
    expected = reference(problem, *given)
    for chunk in range(1, length + 2):
        assert_close(chunked(problem, *given, chunk=chunk), expected, 1e-10)


def test_keys_divided_by_the_products_of_the_factors_give_the_same_where_those_are_large_enough():
    q, k, v, _, _ = operands("key", 30)
    log_decay = -torch.rand(B, H, 30, D, dtype=torch.float64) / 4
    products = torch.exp(log_decay).cumprod(2)
    parallel = ((q * products) @ (k / products).mT).tril() @ v
    assert_close(linear_attention(q, k, v, log_decay), parallel, 1e-9)


def test_factors_of_one_are_no_decay_and_constant_ones_are_those_of_a_head():
    q, k, v, _, start = operands("none", 50)
    plain = linear_attention(q, k, v, None, start)
    zeros = torch.zeros(B, H, 50, D, dtype=torch.float64)
    for log_decay in (zeros, zeros[..., 0], zeros[0, :, 0, 0]):
        assert_close(linear_attention(q, k, v, log_decay, start), plain, 1e-10)
    of_heads = torch.tensor([-0.5, -0.01, -2.0], dtype=torch.float64)
    expected = linear_attention(q, k, v, of_heads, start)
    constant = of_heads[:, None].expand(B, -1, 50)
    for log_decay in (constant, constant[..., None].expand(-1, -1, -1, D)):
        assert_close(linear_attention(q, k, v, log_decay, start), expected, 1e-10)


@EVERY_WAY
def test_with_scalar_queries_and_keys_it_is_the_exponential_filter(choice):
    v, decay = drawn(B, H, 70, 1), torch.tensor([0.6, 0.97, 1.0], dtype=torch.float64)
    ones = torch.ones_like(v)
    y = linear_attention(ones, ones, v, decay.log(), choice=choice)[..., 0]
    taps = decay[:, None] ** torch.arange(70)
    finite = [(taps[:, : t + 1].flip(-1) * v[:, :, : t + 1, 0]).sum(-1) for t in range(70)]
    assert_close(y, torch.stack(finite, -1), 1e-10)
    feedback = [v[:, :, 0, 0]]
    for t in range(1, 70):
        feedback.append(decay * feedback[-1] + v[:, :, t, 0])
    assert_close(y, torch.stack(feedback, -1), 1e-10)


@EVERY_WAY
@EVERY_KIND
@settings(max_examples=10)
@given(length=st.integers(2, 90), cut=st.integers(1, 89))
def test_a_state_carried_across_a_cut_continues_as_one_pass(choice, kind, length, cut):
    cut = min(cut, length - 1)
    *tensors, log_decay, start = operands(kind, length)

    def part(steps):
        decay = log_decay if kind in ("none", "head") else log_decay[:, :, steps]
        return [tensor[:, :, steps] for tensor in tensors], decay

    (early, early_decay), (late, late_decay) = part(slice(0, cut)), part(slice(cut, None))
    state = linear_attention_state(*early[1:], early_decay, start)
    halves = (
        linear_attention(*early, early_decay, start, choice=choice),
        linear_attention(*late, late_decay, state, choice=choice),
    )
    assert_close(torch.cat(halves, 2), linear_attention(*tensors, log_decay, start, choice=choice), 1e-10)
    assert_close(
        linear_attention_state(*late[1:], late_decay, state), loop(*tensors, log_decay, start)[1], 1e-10
    )


@EVERY_LONG_WAY
@pytest.mark.parametrize("kind", ["head", "step", "key"])
def test_a_strong_decay_over_a_long_input_keeps_its_digits(choice, kind):
    tensors = list(operands(kind, 4096))
    tensors[3] = torch.full_like(tensors[3], math.log(1e-3))
    single = leaves(tensor.float() for tensor in tensors)
    double = leaves(tensor.detach().double() for tensor in single)
    assert_close(linear_attention(*single, choice=choice), loop(*double)[0], 1e-5)
    got = gradients(lambda *t: linear_attention(*t, choice=choice), single)
    # a head's decay adds up the differences of all steps, and with them the rounding of all
    allowed = [1e-4] * 3 + [1e-3 if kind == "head" else 1e-4, 1e-4]
    expected = gradients(linear_attention, double)
    for mine, exact, tolerance in zip(got, expected, allowed, strict=True):
        assert_close(mine, exact, tolerance)


@EVERY_WAY
@pytest.mark.parametrize("kind", ["head", "step", "key"])
def test_a_factor_of_zero_forgets_all_that_was_before(choice, kind):
    q, k, v, log_decay, start = operands(kind, 70)
    log_decay = torch.where(torch.rand_like(log_decay) < 0.3, -torch.inf, log_decay)
    y = linear_attention(q, k, v, log_decay, start, choice=choice)
    assert_close(y, loop(q, k, v, log_decay, start)[0], 1e-10)
    assert_close(linear_attention_state(k, v, log_decay, start), loop(q, k, v, log_decay, start)[1], 1e-10)


@EVERY_KIND
def test_first_and_second_derivatives_are_those_of_differences(kind):
    shape = {0: None, 1: (2,), 3: (1, 2, 3), 4: (1, 2, 3, 2)}[KINDS[kind]]
    keyed, decay = (1, 2, 3, 2), None if shape is None else -drawn(*shape).abs()
    tensors = leaves((drawn(*keyed), drawn(*keyed), drawn(1, 2, 3, 1), decay, drawn(1, 2, 2, 1)))
    assert gradcheck(linear_attention, tensors)
    assert gradgradcheck(linear_attention, tensors)


@EVERY_KIND
def test_the_last_state_is_differentiable_too(kind):
    tensors = leaves(operands(kind, 5)[1:])
    assert gradcheck(linear_attention_state, tensors)
    assert gradgradcheck(linear_attention_state, tensors)


@EVERY_KIND
def test_derivatives_of_one_operand_alone_are_there(kind):
    for wanted in range(5):
        tensors = list(operands(kind, 6))
        if tensors[wanted] is None:
            continue
        tensors[wanted].requires_grad_()
        got = torch.autograd.grad(linear_attention(*tensors).square().sum(), tensors[wanted])[0]
        expected = torch.autograd.grad(loop(*tensors)[0].square().sum(), tensors[wanted])[0]
        assert_close(got, expected)


@EVERY_KIND
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("on_values", [False, True])
def test_the_operator_passes_opcheck(kind, reverse, on_values):
    q, k, v, log_decay, start = operands(kind, 6)
    if on_values:
        q, k, v, start = drawn(B, H, 6, E), drawn(B, H, 6, E), drawn(B, H, 6, D), start.mT
    tensors = leaves((q, k, v, log_decay, None if reverse else start))
    arguments = (*tensors, on_values, False, reverse, None, None, None, None)
    torch.library.opcheck(torch.ops.circulant.linear_attention.default, arguments)


@EVERY_KIND
@pytest.mark.parametrize(
    "mapped", [(0, 0, 0, 0, 0), (None, 0, None, None, 1), (0, None, 1, 0, None)], ids=str
)
def test_vmap_maps_each_operand(kind, mapped):
    whole, axes = [], []
    for tensor, axis in zip(operands(kind, 5), mapped):
        axis = None if tensor is None else axis
        axes.append(axis)
        whole.append(tensor if axis is None else torch.stack([tensor, tensor * 0.5, tensor * 2], axis))

    def one(index):
        return [t if axis is None else t.select(axis, index) for t, axis in zip(whole, axes)]

    expected = torch.stack([linear_attention(*one(index)) for index in range(3)])
    assert_close(torch.func.vmap(linear_attention, in_dims=tuple(axes))(*whole), expected)


def test_the_counted_work_is_two_products_with_the_state_for_each_step():
    q, k, v, _, _ = operands("none", 7)
    with FlopCounterMode(display=False) as counter:
        linear_attention(q, k, v)
    assert counter.get_total_flops() == 4 * B * H * 7 * D * E


def test_work_and_memory_in_chunks_are_linear_in_the_length():
    short, long = (
        ChunkedAttention().work(LinearAttentionProblem(torch.float32, 1, 2, length, 32, 32, Decay.KEY))
        for length in (1024, 16 * 1024)
    )
    assert long.flop == 16 * short.flop
    assert long.workspace_byte == 16 * short.workspace_byte


@EVERY_KIND
def test_compiled_code_takes_any_length_without_compiling_again(kind):
    torch._dynamo.reset()  # another kind is another compilation
    compiled = torch.compile(linear_attention, backend="aot_eager", fullgraph=True, dynamic=True)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for length in (8, 9, 23):
            tensors = operands(kind, length)
            assert_close(compiled(*tensors), loop(*tensors)[0])


def test_on_meta_there_is_a_shape_and_no_work():
    q, k, v, log_decay, start = (tensor.to("meta") for tensor in operands("key", 9))
    assert linear_attention(q, k, v, log_decay, start).shape == (B, H, 9, E)
    assert linear_attention_state(k, v, log_decay, start).shape == (B, H, D, E)


@EVERY_WAY
@EVERY_KIND
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_computed_in_float32_with_decays_and_states_kept_wide(choice, kind, dtype):
    q, k, v, log_decay, start = operands(kind, 200)
    q, k, v = (tensor.to(dtype) for tensor in (q, k, v))
    log_decay, start = (None if t is None else t.float() for t in (log_decay, start))
    got = linear_attention(q, k, v, log_decay, start, choice=choice)
    assert got.dtype == dtype
    wide = [None if t is None else t.double() for t in (q, k, v, log_decay, start)]
    assert_close(got, loop(*wide)[0], torch.finfo(dtype).eps)
    assert linear_attention_state(k, v, log_decay).dtype == torch.float32
    assert linear_attention_state(k, v, log_decay, start.to(dtype)).dtype == dtype


def test_autocast_keeps_the_widest_dtype():
    q, k, v, log_decay, _ = operands("step", 9)
    q, k, v, log_decay = q.float(), k.bfloat16(), v.bfloat16(), log_decay.float()
    with torch.autocast("cpu", torch.bfloat16):
        y, state = linear_attention(q, k, v, log_decay), linear_attention_state(k, v, log_decay)
    assert torch.equal(y, linear_attention(q, k.float(), v.float(), log_decay))
    assert torch.equal(state, linear_attention_state(k, v, log_decay))


def test_an_empty_batch_has_no_outputs_and_no_gradient():
    decay = torch.zeros(3, requires_grad=True)
    y = linear_attention(torch.zeros(0, 3, 5, 2), torch.zeros(0, 3, 5, 2), torch.zeros(0, 3, 5, 4), decay)
    assert y.shape == (0, 3, 5, 4)
    (gradient,) = torch.autograd.grad(y.sum(), decay)
    assert torch.equal(gradient, torch.zeros(3))


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((2, 3, 5), (2, 3, 5), (2, 3, 5)), r"q and k \(B, H, L, D\) and v \(B, H, L, E\)"),
        (((2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 5, 4)), r"got q \(2, 3, 5, 4\), k \(2, 3, 6, 4\)"),
        (((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 4, 4)), r"v \(2, 3, 4, 4\)"),
        (((2, 3, 0, 4), (2, 3, 0, 4), (2, 3, 0, 4)), "at least 1 step"),
        (((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 1), (5,)), r"log_decay \(H,\), .* got \(5,\)"),
        (((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 1), (2, 3, 5, 1)), r"got \(2, 3, 5, 1\)"),
        (((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 1), (3,), (2, 3, 4)), r"initial_state .*\(2, 3, 4, 1\)"),
    ],
)
def test_operands_that_do_not_fit_are_refused(shapes, words):
    with pytest.raises(ShapeError, match=words):
        linear_attention(*(torch.zeros(shape) for shape in shapes))


def test_two_dtypes_are_refused():
    q = torch.zeros(1, 1, 2, 1)
    with pytest.raises(DtypeError, match="k of q's dtype"):
        linear_attention(q, q.double(), q)
    assert linear_attention(q, q, q, torch.zeros(1).bfloat16(), choice=FREE).dtype == torch.float32
