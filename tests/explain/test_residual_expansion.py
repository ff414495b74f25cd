"""The expansion of stacks whose terms are known, and how its error shrinks with the branches."""

from itertools import combinations

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.explain.residual_expansion import residual_expansion, residual_expansion_error
from circulant.models.residual import Residual


def linear_stack(layers=5):
    torch.manual_seed(0)
    convs = (nn.Conv2d(3, 3, 3, padding=1, bias=False) for _ in range(layers))
    return nn.Sequential(*(Residual(conv) for conv in convs)).double()


def relu_stack(scale):
    torch.manual_seed(0)
    stack = nn.Sequential(
        *(Residual(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())) for _ in range(5))
    ).double()
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.mul_(scale)  # relu(scale (w x + b)) = scale relu(w x + b)
    return stack


def test_all_terms_of_linear_branches_add_up_to_the_stack():
    stack, x = linear_stack(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    terms = residual_expansion(stack, x)
    assert len(terms) == 6
    assert_close(torch.stack(terms).sum(0), stack(x), 1e-12)


def test_a_term_is_the_sum_over_its_products_of_branches_in_order():
    stack, x = linear_stack(4), torch.randn(1, 3, 6, 6, dtype=torch.float64)
    terms = residual_expansion(stack, x)
    for order in range(5):
        expected = torch.zeros_like(x)
        for chosen in combinations(stack, order):
            product = x
            for layer in chosen:
                product = layer.branch(product)
            expected = expected + product
        assert_close(terms[order], expected, 1e-12)


def test_the_error_of_the_broad_layer_is_the_sum_of_the_higher_terms():
    stack, x = linear_stack(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    terms, error = residual_expansion(stack, x), residual_expansion_error(stack, x)
    assert_close(error.parallel, terms[0] + terms[1], 1e-12)
    assert_close(error.second_order, terms[2], 1e-12)
    assert_close(error.stack - error.parallel, torch.stack(terms[2:]).sum(0), 1e-12)


def test_the_error_of_relu_branches_with_bias_falls_with_the_square_of_their_scale():
    x = torch.randn(2, 4, 10, 10, dtype=torch.float64)
    scales = torch.tensor([1e-2, 3e-3, 1e-3, 3e-4], dtype=torch.float64)
    errors = [residual_expansion_error(relu_stack(float(scale)), x) for scale in scales]
    sizes = torch.tensor([error.relative_error for error in errors], dtype=torch.float64)
    slope = (sizes.log().diff() / scales.log().diff()).mean().item()
    print(f"slope of the error over the scale of the branches: {slope:.3f}")
    assert abs(slope - 2) < 0.05
    assert errors[-1].estimated_error == pytest.approx(errors[-1].relative_error, rel=0.01)


def test_mode_gradients_and_hooks_stay_as_they_are():
    stack = linear_stack().train()
    stack[1].eval()
    with torch.no_grad():
        residual_expansion_error(stack, torch.randn(1, 3, 4, 4, dtype=torch.float64))
    assert [layer.training for layer in stack] == [True, False, True, True, True]
    assert all(parameter.grad is None and parameter.requires_grad for parameter in stack.parameters())


def test_a_single_layer_is_refused():
    with pytest.raises(ArgumentError, match="two residual layers"):
        residual_expansion_error(linear_stack(1), torch.randn(1, 3, 4, 4))
