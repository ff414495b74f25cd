"""A kernel for each example: the batch equals its examples, in every number of axes."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.convolution import Boundary
from circulant.engine.per_sample_conv import per_sample_conv

B, I, O, G = 3, 4, 6, 2
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def operands(ndim: int, batch: int = B) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(ndim)
    shapes = (batch, I, *(7, 6, 5)[:ndim]), (batch, O, I // G, *(3, 2, 3)[:ndim]), (batch, O)
    drawn = (torch.randn(shape, dtype=torch.float64, generator=generator) for shape in shapes)
    return tuple(tensor.requires_grad_() for tensor in drawn)


def settings(ndim: int) -> dict:
    sides = ((1, 1),) * ndim
    return {"stride": (2,) * ndim, "padding": sides, "dilation": (1,) * ndim, "groups": G}


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_batch_equals_its_examples_in_value_and_gradients(ndim):
    x, weight, bias = leaves = operands(ndim)
    y = per_sample_conv(x, weight, bias, **settings(ndim))
    examples = [CONV[ndim](x[b : b + 1], weight[b], bias[b], 2, 1, groups=G) for b in range(B)]
    expected = torch.cat(examples)
    assert_close(y, expected)
    cotangent = torch.randn_like(y)
    found, wanted = (torch.autograd.grad(out, leaves, cotangent) for out in (y, expected))
    for got, want in zip(found, wanted):
        assert_close(got, want)


def test_the_boundary_is_that_of_every_example():
    x, weight, _ = operands(2)
    y = per_sample_conv(x, weight, **settings(2), boundary=Boundary.CIRCULAR)
    outer = F.pad(x, (1, 1, 1, 1), mode="circular")
    expected = torch.cat([F.conv2d(outer[b : b + 1], weight[b], None, 2, groups=G) for b in range(B)])
    assert_close(y, expected)


def test_an_empty_batch_has_an_empty_result_with_gradients():
    x, weight, bias = leaves = operands(2, 0)
    y = per_sample_conv(x, weight, bias, **settings(2))
    assert y.shape == (0, O, 4, 4)
    assert [grad.shape for grad in torch.autograd.grad(y.sum(), leaves)] == [leaf.shape for leaf in leaves]


def test_kernels_for_another_number_of_examples_are_refused():
    x, weight, bias = operands(2)
    with pytest.raises(ShapeError, match="a kernel for each example"):
        per_sample_conv(x, weight[:2], bias, **settings(2))
    with pytest.raises(ShapeError, match=r"bias \(2, 6\)"):
        per_sample_conv(x, weight, bias[:2], **settings(2))
