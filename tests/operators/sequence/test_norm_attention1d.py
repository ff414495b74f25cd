"""A norm for the denominator: linear form and square agree, gradients stay where scaled ones explode."""

from itertools import pairwise

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.gated_norm import EPS
from circulant.operators.sequence.heads import join_heads, split_heads
from circulant.operators.sequence.norm_attention1d import NormAttention1d


@pytest.mark.parametrize("gate", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("length", [1, 7, 64, 129])
def test_the_linear_form_equals_the_square_of_scores_masked_where_it_is_causal(length, bidirectional, gate):
    module = NormAttention1d(8, 2, bidirectional=bidirectional, gate=gate).double()
    x = torch.randn(2, 8, length, dtype=torch.float64)
    rows = x.transpose(1, 2)
    q, k, v = (split_heads(p(rows), 2) for p in (module.query, module.key, module.value))
    scores = (1 + torch.nn.functional.elu(q)) @ (1 + torch.nn.functional.elu(k)).mT
    attended = (scores if bidirectional else scores.tril()) @ v
    normed = join_heads(attended)
    normed = normed / (normed.square().mean(-1, keepdim=True) + EPS).sqrt() * module.norm.weight
    if gate:
        normed = normed * torch.nn.functional.silu(module.gate(rows))
    assert_close(module(x), module.output(normed).transpose(1, 2), 1e-10)


def largest_gradient(form, size):
    """Of the results with respect to scores that are `size` times those of an example."""
    generator = torch.Generator().manual_seed(0)
    scores = size * torch.rand(6, 6, dtype=torch.float64, generator=generator)
    v = torch.randn(6, 4, dtype=torch.float64, generator=generator)
    jacobian = torch.autograd.functional.jacobian(lambda s: form(s, v), scores)
    return jacobian.abs().max().item(), v.abs().max().item()


def test_gradients_stay_bounded_where_those_of_scaled_attention_grow_as_one_over_the_denominator():
    def scaled(scores, v):
        return scores / scores.sum(1, keepdim=True) @ v

    def normed(scores, v):
        sums = scores @ v
        return sums / (sums.square().mean(-1, keepdim=True) + EPS).sqrt()

    sizes = [1.0, 1e-2, 1e-4, 1e-6, 1e-8]
    by_scale = [largest_gradient(scaled, size)[0] for size in sizes]
    by_norm, bounds = zip(*(largest_gradient(normed, size) for size in sizes))
    for smaller, larger in pairwise(by_scale):
        assert larger == pytest.approx(100 * smaller, rel=1e-6)
    assert all(found <= largest / EPS**0.5 for found, largest in zip(by_norm, bounds))
    assert by_norm[-1] == pytest.approx(by_norm[-2], rel=1e-3)  # no growth any more
    assert by_scale[-1] > 1e4 * by_norm[-1]


def test_attention_in_both_directions_cannot_stream():
    with pytest.raises(ArgumentError, match="leave it out"):
        NormAttention1d(4, 2, bidirectional=True).initial_state(1)


def test_work_in_both_directions_is_counted_too():
    one, both = NormAttention1d(8, 2), NormAttention1d(8, 2, bidirectional=True)
    assert both.cost((2, 8, 50)).flop == one.cost((2, 8, 50)).flop
