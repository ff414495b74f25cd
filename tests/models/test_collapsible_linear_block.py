"""Expanded and collapsed blocks are one function, with one set of gradients."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.models.collapsible_linear_block import CollapsibleLinearBlock2d


def block(out=3, kernel=3, residual=False):
    torch.manual_seed(0)
    made = CollapsibleLinearBlock2d(3, out, kernel, features=20, residual=residual).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter)  # biases too
    return made


@pytest.mark.parametrize(("out", "kernel", "residual"), [(3, 3, True), (5, 5, False), (2, 1, False)])
def test_outputs_and_all_gradients_of_both_forms_agree(out, kernel, residual):
    module = block(out, kernel, residual)
    found = []
    for expanded in (True, False):
        module.expanded = expanded
        x = torch.linspace(-1, 1, 3 * 7 * 6, dtype=torch.float64).reshape(1, 3, 7, 6).requires_grad_()
        y = module(x)
        gradients = torch.autograd.grad(y.sin().sum(), [x, *module.parameters()])
        found.append([y, *gradients])
    for wide, narrow in zip(*found):
        assert (wide - narrow).abs().max() <= 1e-12 * wide.abs().max()


def test_the_kernel_is_the_answer_to_an_impulse_and_the_bias_that_to_nothing():
    module = block(kernel=5, residual=True)
    module.expanded = True
    nothing = torch.zeros(1, 3, 9, 9, dtype=torch.float64)
    bias = module(nothing)
    impulses = torch.zeros(3, 3, 9, 9, dtype=torch.float64)
    impulses[torch.arange(3), torch.arange(3), 4, 4] = 1
    answers = (module(impulses) - bias).flip(2, 3)[:, :, 2:7, 2:7]
    kernel = module.collapsed_kernel()
    assert torch.allclose(kernel.weight, answers.transpose(0, 1), atol=1e-12, rtol=0)
    assert torch.allclose(kernel.bias, bias[0, :, 4, 4], atol=1e-12, rtol=0)


def test_sizes_without_a_meaning_are_refused():
    with pytest.raises(ArgumentError, match="an odd kernel_size, so that it has a centre, got 4"):
        CollapsibleLinearBlock2d(3, 3, 4)
    with pytest.raises(ArgumentError, match="as many channels out as in where x is added, got 3 and 4"):
        CollapsibleLinearBlock2d(3, 4, residual=True)
