"""Softmax attention through the engine's door."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.engine.attention import attention


def written_out(q, k, v, mask=0.0):
    return (q @ k.mT / q.shape[-1] ** 0.5 + mask).softmax(-1) @ v


def operands(*lead, tokens=5, width=3):
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(*lead, tokens, width, dtype=torch.float64, generator=generator) for _ in range(3)]


def test_attention_equals_the_formula_also_where_blocks_of_tokens_are_many():
    for tokens in (1, 5, 700):
        q, k, v = operands(2, 3, tokens=tokens)
        assert_close(attention(q, k, v), written_out(q, k, v))


@pytest.mark.parametrize("order", [(0, 1, 3, 2), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_operands_may_lie_in_memory_in_any_order(order):
    back = tuple(order.index(axis) for axis in range(4))

    def laid_out(t):
        return t.permute(order).contiguous().permute(back)

    q, k, v = map(laid_out, operands(2, 3, tokens=7, width=4))
    mask = laid_out(torch.randn(2, 3, 7, 7, dtype=torch.float64))
    assert_close(attention(q, k, v), written_out(q, k, v))
    assert_close(attention(q, k, v, mask), written_out(q, k, v, mask))
    assert_close(attention(q, k, v, mask[:1]), written_out(q, k, v, mask[:1]))
    assert_close(
        attention(q, k, v, mask[..., :1, :].expand(mask.shape)), written_out(q, k, v, mask[..., :1, :])
    )
    assert_close(attention(q, k, v, mask[..., :1].expand(mask.shape)), written_out(q, k, v, mask[..., :1]))
    leaves = [t.requires_grad_() for t in (q, k, v)]
    got = torch.autograd.grad(laid_out(attention(*leaves)).square().sum(), leaves)
    expected = torch.autograd.grad(written_out(*leaves).square().sum(), leaves)
    for one, other in zip(got, expected):
        assert_close(one, other)


def test_first_derivatives_are_those_of_the_formula():
    leaves = [t.requires_grad_() for t in operands(2, 3, tokens=40)]
    got = torch.autograd.grad(attention(*leaves).square().sum(), leaves)
    expected = torch.autograd.grad(written_out(*leaves).square().sum(), leaves)
    for one, other in zip(got, expected):
        assert_close(one, other)


def test_second_derivatives_are_right():
    leaves = [t.requires_grad_() for t in operands(1, 2, tokens=3, width=2)]
    assert torch.autograd.gradcheck(attention, leaves)
    assert torch.autograd.gradgradcheck(attention, leaves)


def test_a_mask_is_added_with_or_without_a_gradient():
    q, k, v = operands(2, 3)
    mask = torch.randn(1, 3, 5, 5, dtype=torch.float64)
    mask[..., 4] = -torch.inf
    assert_close(attention(q, k, v, mask), written_out(q, k, v, mask))
    mask = mask[..., :4, :4].contiguous().requires_grad_()
    leaves = [t[:, :, :4, :2].contiguous().requires_grad_() for t in (q, k, v)]
    assert torch.autograd.gradgradcheck(attention, (*leaves, mask))


def test_vmap_maps_it_and_its_gradient():
    q, k, v = operands(4, 2, 3)
    assert_close(torch.vmap(attention, (0, None, 0))(q, k[0], v), written_out(q, k[0], v))
    mask = torch.randn(4, 1, 3, 5, 5, dtype=torch.float64)
    assert_close(torch.vmap(attention)(q, k, v, mask), written_out(q, k, v, mask))
    leaves = [t[0].requires_grad_() for t in (q, k, v)]
    y = attention(*leaves)
    each = torch.autograd.grad(y, leaves, torch.stack([y, 2 * y]), is_grads_batched=True, retain_graph=True)
    for both, one in zip(each, torch.autograd.grad(y, leaves, y)):
        assert_close(both, torch.stack([one, 2 * one]))


def test_no_tokens_and_half_precision_are_served():
    empty = torch.zeros(2, 1, 0, 4)
    assert attention(empty, empty, empty).shape == empty.shape
    q, k, v = (t.bfloat16() for t in operands(1, 2))
    assert attention(q, k, v).dtype is torch.bfloat16
