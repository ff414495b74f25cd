"""Gated linear attention: three forms are one function, with its special cases, and it never overflows."""

import pytest
import torch

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import Choice
from circulant.engine.linear_attention import linear_attention
from circulant.operators.sequence.gated_linear_attention1d import GatedLinearAttention1d
from circulant.operators.sequence.heads import split_heads


def drawn(length, keys=4, values=3):
    generator = torch.Generator().manual_seed(length)

    def normal(*shape):
        return torch.randn(2, 2, length, *shape, dtype=torch.float64, generator=generator)

    operands = normal(keys), normal(keys), normal(values), torch.nn.functional.logsigmoid(normal(keys))
    return [operand.detach().requires_grad_() for operand in operands]


def recurrent(q, k, v, log_alpha):
    memory, rows = 0, []
    for t in range(q.shape[2]):
        memory = log_alpha[:, :, t, :, None].exp() * memory + k[:, :, t, :, None] * v[:, :, t, None]
        rows.append((memory * q[:, :, t, :, None]).sum(2))
    return torch.stack(rows, 2)


def parallel(q, k, v, log_alpha):
    """(Q * B) (K / B)^T with B the running product: the form as published, which short sequences allow."""
    product = log_alpha.cumsum(2).exp()
    return ((q * product) @ (k / product).mT).tril() @ v


@pytest.mark.parametrize("name", [AlgorithmName.SEQUENTIAL, AlgorithmName.CHUNKED, AlgorithmName.DIRECT])
@pytest.mark.parametrize("length", [2, 7, 30, 70])
def test_recurrent_parallel_and_planned_forms_agree_with_their_gradients(length, name):
    operands = drawn(length)
    y = linear_attention(*operands, choice=Choice(algorithm=name))
    cotangent = torch.randn(y.shape, dtype=torch.float64)
    gradients = torch.autograd.grad(y, operands, cotangent)
    forms = [recurrent, parallel] if length <= 30 else [recurrent]
    for form in forms:
        expected = form(*operands)
        assert_close(y, expected, 1e-9)
        for got, wanted in zip(gradients, torch.autograd.grad(expected, operands, cotangent)):
            assert_close(got, wanted, 1e-9)


def test_without_fading_it_is_linear_attention():
    q, k, v, log_alpha = drawn(20)
    y = linear_attention(q, k, v, torch.zeros_like(log_alpha))
    assert_close(y, (q @ k.mT).tril() @ v, 1e-10)


def test_a_constant_gate_is_the_decay_of_retention():
    q, k, v, log_alpha = drawn(20)
    fade = torch.tensor([0.9, 0.99], dtype=torch.float64)
    lag = torch.arange(20)[:, None] - torch.arange(20)
    mask = (fade[:, None, None] ** lag.clamp(min=0)).tril()
    constant = fade.log()[:, None, None].expand_as(log_alpha)
    assert_close(linear_attention(q, k, v, constant), (q @ k.mT * mask) @ v, 1e-10)


@pytest.mark.parametrize("alpha", [1e-3, 1e-30, 0.0])
def test_strong_fading_over_4096_samples_is_finite_and_right(alpha):
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 1, 4096, 4, generator=generator).requires_grad_() for _ in range(3))
    fade = torch.full((1, 1, 4096, 4), alpha).log()
    y = linear_attention(q, k, v, fade)
    (gradient,) = torch.autograd.grad(y.sum(), q)
    assert bool(y.isfinite().all())
    assert bool(gradient.isfinite().all())
    expected = (q * k).sum(-1, keepdim=True) * v  # further back than one sample all has faded away
    expected[:, :, 1:] += alpha * (q[:, :, 1:] * k[:, :, :-1]).sum(-1, keepdim=True) * v[:, :, :-1]
    assert_close(y, expected.detach(), 1e-4)


def test_gates_start_near_one_and_follow_the_published_form():
    module = GatedLinearAttention1d(16, 2).double()
    x = torch.randn(2, 16, 10, dtype=torch.float64)
    slow = module.fade_up(module.fade_down(x.transpose(1, 2)))
    alpha = slow.sigmoid() ** (1 / 16)
    assert_close(module._written(x)[2].exp(), split_heads(alpha, 2), 1e-10)
    assert alpha.min() > 0.9


def test_sizes_are_those_published():
    shapes = {name: tuple(p.shape) for name, p in GatedLinearAttention1d(64, 4).named_parameters()}
    assert shapes["query.weight"] == shapes["key.weight"] == (32, 64)
    assert shapes["value.weight"] == shapes["gate.weight"] == shapes["output.weight"] == (64, 64)
    assert shapes["fade_down.weight"] == (16, 64)
    assert shapes["fade_up.weight"] == (32, 16)
    assert shapes["norm.weight"] == (16,)


def test_keys_that_heads_do_not_divide_are_refused():
    with pytest.raises(ArgumentError, match="divisor of key_channels = 6"):
        GatedLinearAttention1d(12, 4)
