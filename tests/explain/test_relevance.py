"""Relevance is conserved where the rule says so, and is gradient x input where that is known."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.relevance import relevance
from circulant.explain.relevance_rule import AlphaBeta, Bounded, Epsilon, ZPlus


class Skip(nn.Module):
    def __init__(self, bias):
        super().__init__()
        self.first = nn.Conv2d(2, 5, 3, padding=1, bias=bias)
        self.inner = nn.Conv2d(5, 5, 3, padding=1, bias=bias)
        self.head = nn.Linear(5, 3, bias=bias)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = torch.relu(x + self.inner(x))
        return self.head(x.mean((2, 3)))


def chain(bias):
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1, bias=bias), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2, bias=bias), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(32, 10, bias=bias), nn.ReLU(), nn.Linear(10, 3, bias=bias),
    )  # fmt: skip


def network(kind, bias):
    torch.manual_seed(0)
    module = kind(bias).double()
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1)
    return module, torch.rand(3, 2, 20, 20, dtype=torch.float64), torch.tensor([0, 2, 1])


def gradient_times_input(module, x, classes):
    x = x.clone().requires_grad_()
    logits = module(x).gather(1, classes[:, None])
    return x.detach() * torch.autograd.grad(logits.sum(), x)[0], logits.detach()[:, 0]


def per_example(values):
    return values.flatten(1).sum(1)


def with_positive_inputs(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.flatten()[::3].abs_()
    return module


def test_z_plus_conserves_the_total_at_every_layer():
    module, x, classes = network(chain, True)
    found = relevance(with_positive_inputs(module), x, classes, ZPlus())
    for values in [found.input, *found.layers.values()]:
        assert (per_example(values) - 1).abs().max() < 1e-6
        assert values.min() > -1e-12


def test_a_sum_divides_relevance_between_its_terms():
    module, x, classes = network(Skip, True)
    found = relevance(with_positive_inputs(module), x, classes, ZPlus())
    assert (per_example(found.layers["first"]) - 1).abs().max() < 1e-6
    assert (per_example(found.input) - 1).abs().max() < 1e-6
    assert (per_example(found.layers["inner"]) - 1).abs().min() > 1e-2


def test_z_plus_loses_what_reaches_a_unit_without_an_input_above_0():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)).double()
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))
        module[0].bias.copy_(torch.tensor([0.0, 5.0]))
        module[1].weight.copy_(torch.tensor([[1.0, 1.0]]))
    found = relevance(module, torch.ones(1, 2, dtype=torch.float64), torch.tensor([0]))
    assert abs(float(found.layers["0"].sum()) - 1) < 1e-6
    assert abs(float(found.input.sum()) - 0.4) < 1e-6  # the first unit gives 2 of 5, the other 3


@pytest.mark.parametrize("kind", [chain, Skip])
def test_epsilon_from_the_logit_is_gradient_times_input_and_biases_swallow_the_rest(kind):
    module, x, classes = network(kind, True)
    found = relevance(module, x, classes, Epsilon(0.0), from_logit=True).input
    expected, logits = gradient_times_input(module, x, classes)
    assert (found - expected).abs().max() < 1e-11
    assert (per_example(found) - logits).abs().max() > 1e-3


@pytest.mark.parametrize("kind", [chain, Skip])
def test_epsilon_without_biases_below_conserves_and_is_not_gradient_times_input(kind):
    module, x, classes = network(kind, True)
    found = relevance(module, x, classes, Epsilon(0.0, biases=False), from_logit=True).input
    expected, logits = gradient_times_input(module, x, classes)
    assert (per_example(found) - logits).abs().max() < 1e-9
    assert (found - expected).abs().max() > 1e-4


@pytest.mark.parametrize("kind", [chain, Skip])
def test_in_networks_without_biases_epsilon_does_both(kind):
    module, x, classes = network(kind, False)
    found = relevance(module, x, classes, Epsilon(0.0), from_logit=True).input
    expected, logits = gradient_times_input(module, x, classes)
    assert (found - expected).abs().max() < 1e-11
    assert (per_example(found) - logits).abs().max() < 1e-11
    from_one = relevance(module, x, classes, Epsilon(0.0)).input
    assert (from_one * logits[:, None, None, None] - found).abs().max() < 1e-11


def test_a_small_epsilon_comes_near_and_a_large_one_damps():
    module, x, classes = network(chain, False)
    exact = relevance(module, x, classes, Epsilon(0.0)).input
    near, far = (relevance(module, x, classes, Epsilon(eps)).input for eps in (1e-12, 1.0))
    assert (near - exact).abs().max() < 1e-6
    assert far.abs().sum() < 0.5 * exact.abs().sum()


def naive_alpha_beta(a, weight, relevances, alpha):
    """One example of a linear layer, entry by entry."""
    found = torch.zeros_like(a)
    for j, received in enumerate(relevances):
        terms = [float(a[i] * weight[j, i]) for i in range(len(a))]
        up, down = sum(t for t in terms if t > 0), sum(t for t in terms if t < 0)
        for i, term in enumerate(terms):
            share = alpha * term / up if term > 0 else (1 - alpha) * term / down if term < 0 else 0.0
            found[i] += share * received
    return found


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_alpha_beta_is_its_equation_for_inputs_of_both_signs(alpha):
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 2)).double().requires_grad_(False)
    x = torch.randn(1, 5, dtype=torch.float64)
    found = relevance(module, x, torch.tensor([1]), AlphaBeta(alpha))
    hidden = naive_alpha_beta(module[0](x)[0], module[1].weight, [0.0, 1.0], alpha)
    assert (found.layers["0"][0] - hidden).abs().max() < 1e-12
    assert (found.input[0] - naive_alpha_beta(x[0], module[0].weight, hidden, alpha)).abs().max() < 1e-12


def test_bounds_make_every_input_share_in_the_first_layer_and_conserve():
    module, x, classes = network(chain, True)
    x = 2 * x - 1
    found = relevance(module, x, classes, first=Bounded())
    assert found.input.min() > -1e-9
    assert (per_example(found.input) - per_example(found.layers["0"])).abs().max() < 1e-6


def test_batch_norms_are_folded_and_the_network_is_left_as_it_was():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 3),
    ).double()  # fmt: skip
    module(torch.randn(50, 2, 6, 6, dtype=torch.float64))  # moves the statistics
    x, classes = torch.rand(2, 2, 6, 6, dtype=torch.float64), torch.tensor([0, 1])
    before = {name: value.clone() for name, value in module.state_dict().items()}
    found = relevance(module, x, classes, Epsilon(0.0), from_logit=True)
    assert list(found.layers) == ["0", "5"]
    assert module.training and all(parameter.requires_grad for parameter in module.parameters())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    expected, _ = gradient_times_input(module.eval(), x, classes)
    assert (found.input - expected).abs().max() < 1e-11


def test_what_relevance_cannot_pass_is_refused_in_words():
    x = torch.rand(2, 3)
    with pytest.raises(ArgumentError, match=r"calls that relevance is known to pass, got Softmax"):
        relevance(nn.Sequential(nn.Linear(3, 2), nn.Softmax(1)), x, torch.tensor([0, 1]))
    with pytest.raises(ArgumentError, match="each layer to be called once, got '0' again"):
        relevance(nn.Sequential(shared := nn.Linear(3, 3), shared), x, torch.tensor([0, 1]))
    with pytest.raises(
        ShapeError, match=r"logits \(B, classes\) and classes \(B,\), got \(2, 2\) and \(3,\)"
    ):
        relevance(nn.Sequential(nn.Linear(3, 2)), x, torch.tensor([0, 1, 1]))
