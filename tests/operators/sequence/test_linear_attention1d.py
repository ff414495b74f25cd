"""Tiles, the masked square and the recurrence are one function; the operator streams with one small state."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.decay_attention import decay_attention, decay_state
from circulant.operators.sequence.linear_attention1d import LinearAttention1d, alibi_slopes

DECAY = torch.tensor([0.6, 0.97, 1.0], dtype=torch.float64)


def drawn(length, keys=3, values=2):
    generator = torch.Generator().manual_seed(length)
    shapes = [(2, 3, length, keys), (2, 3, length, keys), (2, 3, length, values)]
    return [torch.randn(s, dtype=torch.float64, generator=generator).requires_grad_() for s in shapes]


def masked_square(q, k, v, decay):
    L = q.shape[2]
    mask = torch.zeros(len(decay), L, L, dtype=q.dtype)
    for i in range(L):
        for j in range(i + 1):
            mask[:, i, j] = decay ** (i - j)
    return torch.einsum("bhid,bhjd,hij,bhje->bhie", q, k, mask, v)


def recurrence(q, k, v, decay):
    memory, rows = 0, []
    for l in range(q.shape[2]):
        memory = decay[:, None, None] * memory + k[:, :, l, :, None] * v[:, :, l, None, :]
        rows.append((q[:, :, l, :, None] * memory).sum(2))
    return torch.stack(rows, 2)


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 16, 23])
def test_tiles_equal_the_masked_square_and_the_recurrence_with_their_gradients(length):
    operands = drawn(length)
    results = [form(*operands, DECAY) for form in (masked_square, recurrence)]
    tiled = decay_attention(*operands, DECAY, tile=8)
    cotangent = torch.randn(tiled.shape, dtype=torch.float64)
    gradients = torch.autograd.grad(tiled, operands, cotangent)
    for expected in results:
        assert_close(tiled, expected, 1e-10)
        for got, wanted in zip(gradients, torch.autograd.grad(expected, operands, cotangent)):
            assert_close(got, wanted, 1e-10)


@pytest.mark.parametrize("tile", [1, 5, 64, 1000])
def test_the_size_of_the_tiles_does_not_matter(tile):
    operands = drawn(130)
    assert_close(decay_attention(*operands, DECAY, tile=tile), recurrence(*operands, DECAY), 1e-10)


def test_a_strong_decay_over_a_long_sequence_neither_overflows_nor_turns_into_nan():
    q, k, v = (tensor.detach().float() for tensor in drawn(300))
    decay = torch.tensor([0.0, 1e-30, 0.5])
    y = decay_attention(q, k, v, decay)
    assert_close(y[:, :2], ((q * k).sum(-1, keepdim=True) * v)[:, :2])
    assert_close(y, recurrence(q, k, v, decay))


def test_with_scalar_queries_and_keys_it_is_the_exponential_filter():
    _, _, v = drawn(40, values=1)
    ones = torch.ones(2, 3, 40, 1, dtype=torch.float64)
    y = decay_attention(ones, ones, v, DECAY)[..., 0]
    kernel = DECAY[:, None] ** torch.arange(40)
    finite = torch.stack(
        [sum(kernel[:, m] * v[:, :, l - m, 0] for m in range(l + 1)) for l in range(40)], dim=-1
    )
    assert_close(y, finite, 1e-10)
    feedback = [v[:, :, 0, 0]]
    for l in range(1, 40):
        feedback.append(DECAY * feedback[-1] + v[:, :, l, 0])
    assert_close(y, torch.stack(feedback, -1), 1e-10)


def test_a_sequence_cut_anywhere_goes_on_from_the_state():
    operands = [tensor.detach() for tensor in drawn(30)]
    whole = decay_attention(*operands, DECAY)
    for cut in (1, 8, 13, 29):
        (q0, k0, v0), (q1, k1, v1) = zip(*(tensor.split([cut, 30 - cut], 2) for tensor in operands))
        state = decay_state(k0, v0, DECAY, torch.zeros(2, 3, 3, 2, dtype=torch.float64))
        rest = decay_attention(q1, k1, v1, DECAY, state, tile=4)
        assert_close(torch.cat([decay_attention(q0, k0, v0, DECAY), rest], 2), whole, 1e-10)


def test_the_state_does_not_grow_with_the_samples_seen():
    module = LinearAttention1d(8, 2)
    state = module.initial_state(3)
    for chunk in (1, 5, 100):
        _, state = module.step(torch.randn(3, 8, chunk), state)
        assert state.shape == (3, 2, 4, 4)


def test_slopes_are_those_of_alibi():
    assert alibi_slopes(8) == [2.0**-h for h in range(1, 9)]
    assert alibi_slopes(1) == [2.0**-8]
    assert alibi_slopes(6) == pytest.approx([2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3])


def test_without_decay_every_sample_is_remembered_alike():
    module = LinearAttention1d(4, 2, decay=False).double()
    x = torch.randn(1, 4, 20, dtype=torch.float64)
    order = torch.randperm(19)
    shuffled = torch.cat([x[..., :-1][..., order], x[..., -1:]], -1)
    assert_close(module(shuffled)[..., -1], module(x)[..., -1], 1e-10)


def test_the_four_projections_are_all_the_parameters():
    shapes = {name: tuple(p.shape) for name, p in LinearAttention1d(6, 3).named_parameters()}
    assert shapes == {f"{name}.weight": (6, 6) for name in ("query", "key", "value", "output")}


def test_work_is_linear_in_the_length():
    module = LinearAttention1d(8, 2)
    assert module.cost((1, 8, 16 * 64)).flop == 16 * module.cost((1, 8, 64)).flop


@pytest.mark.parametrize("heads", [0, 3])
def test_heads_that_do_not_divide_the_channels_are_refused(heads):
    with pytest.raises(ArgumentError, match="divisor of channels = 8"):
        LinearAttention1d(8, heads)
