"""Sizes of channels are those of vector_norm, in every precision and where a channel is zero."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.models.global_response_norm import EPS, GlobalResponseNorm


def drawn(dtype):
    norm = GlobalResponseNorm(5).to(dtype)
    for parameter in norm.parameters():
        torch.nn.init.normal_(parameter)
    return norm


def expected(norm, x):
    """In float64, by torch's own norm."""
    x = x.double()
    size = torch.linalg.vector_norm(x, dim=tuple(range(1, x.ndim - 1)), keepdim=True)
    return (1 + norm.gain.double() * size / (size.mean(-1, keepdim=True) + EPS)) * x + norm.bias.double()


@pytest.mark.parametrize(
    ("dtype", "allowed"),
    [(torch.float64, 1e-12), (torch.float32, 1e-6), (torch.bfloat16, 3e-2), (torch.float16, 3e-3)],
)
@pytest.mark.parametrize("shape", [(2, 7, 5), (2, 6, 4, 5), (1, 3, 4, 2, 5)])
def test_sizes_are_those_of_vector_norm(shape, dtype, allowed):
    norm, x = drawn(dtype), (4 * torch.randn(shape)).to(dtype)
    assert_close(norm(x).double(), expected(norm, x), allowed)


def test_half_precision_takes_values_whose_squares_it_does_not():
    norm, x = drawn(torch.float16), 1000 * torch.randn(2, 4, 4, 5).half()
    assert_close(norm(x).double(), expected(norm, x), 3e-3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_a_channel_of_zeros_has_the_gradient_of_its_own_factor(dtype):
    norm = drawn(dtype)
    x = torch.randn(2, 4, 4, 5).to(dtype)
    x[..., 2] = 0
    (found,) = torch.autograd.grad(norm(x.requires_grad_()).sum(), x)
    assert torch.equal(found[..., 2], torch.ones_like(found[..., 2]))
    other = x.detach().double().requires_grad_()
    (wanted,) = torch.autograd.grad(expected(norm, other).sum(), other)
    allowed = {torch.bfloat16: 5e-2, torch.float16: 5e-3}.get(dtype, 1e-5)
    assert_close(found.double(), wanted, allowed)


def test_all_zeros_have_a_finite_gradient():
    norm, x = drawn(torch.float32), torch.zeros(2, 4, 4, 5, requires_grad=True)
    norm(x).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))
