"""A rewritten module starts as the module, makes what was selected, and trains with steadier gradients."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.mip_hyper_network import leaky_mlp
from circulant.optimise.hyperise import hyperise

GAMMA = torch.tensor([0.2, 0.7])


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 1))


@pytest.mark.parametrize("kind", [nn.Conv1d, nn.Conv2d, nn.Conv3d])
def test_a_convolution_with_its_start_alone_is_the_convolution(kind):
    torch.manual_seed(0)
    conv = kind(2, 3, 3, 2, 1)
    x = torch.randn(2, 2, *(7, 6, 5)[: conv.weight.ndim - 2])
    hyper = hyperise(conv, 2)
    nn.init.zeros_(hyper.hyper.map[-1].weight)
    for gamma in (GAMMA, torch.zeros(2), torch.ones(2)):
        assert torch.equal(hyper(gamma, x), conv(x))


def test_all_parameters_are_made_and_none_is_kept_twice():
    plain = network()
    hyper = hyperise(plain, 2, hidden=(8,))
    assert set(hyper.aliases) == {name for name, _ in plain.named_parameters()}
    assert not list(hyper.network.parameters())
    made = sum(p.numel() for p in plain.parameters())
    assert sum(p.numel() for p in hyper.parameters()) == (4 + 1) * 8 + (8 + 1) * made
    assert "made: 0.weight" in repr(hyper)
    x = torch.randn(2, 2, 5, 5)
    y = hyper(GAMMA, x)
    y.square().sum().backward()
    assert all(parameter.grad is not None for parameter in hyper.parameters())
    plain(x)  # the original still works
    hyper.load_state_dict(hyperise(network(), 2, hidden=(8,)).state_dict())


def test_only_what_was_selected_is_made():
    hyper = hyperise(network(), 1, select=lambda name, parameter: parameter.ndim == 4)
    assert set(hyper.aliases) == {"0.weight", "3.weight"}
    kept = {name for name, _ in hyper.network.named_parameters()}
    assert kept == {"0.bias", "1.weight", "1.bias", "3.bias"}


def test_a_plain_module_can_be_taken_out_for_one_gamma():
    hyper = hyperise(network(), 2).eval()
    plain, x = hyper.at(GAMMA), torch.randn(2, 2, 5, 5)
    assert {name for name, _ in plain.named_parameters()} == {
        name for name, _ in network().named_parameters()
    }
    assert_close(plain(x), hyper(GAMMA, x), 1e-6)
    assert (plain(x) - hyper.at(torch.zeros(2))(x)).abs().max() > 1e-6


def test_shared_parameters_stay_shared():
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    hyper = hyperise(tied, 1)
    assert hyper.aliases == {
        "0.weight": "0.weight",
        "0.bias": "0.bias",
        "1.weight": "0.weight",
        "1.bias": "1.bias",
    }
    plain, x = hyper.at(GAMMA[:1]), torch.randn(3, 4)
    assert plain[0].weight is plain[1].weight
    assert_close(plain(x), hyper(GAMMA[:1], x), 1e-6)


def test_what_cannot_be_made_is_refused():
    with pytest.raises(ArgumentError, match="recurrent"):
        hyperise(nn.LSTM(2, 2), 1)
    with pytest.raises(ArgumentError, match="select chose none"):
        hyperise(network(), 1, select=lambda name, parameter: False)


def relative_variance(predict, parameters, seed: int) -> float:
    """Of the gradient over batches of digits and draws of gamma: its variance over its squared mean.

    The loss is cross entropy and a prior of the weights whose strength gamma says.
    """
    digits = mnist_5k(seed)
    x, y = torch.from_numpy(digits.train.x).flatten(1), torch.from_numpy(digits.train.y)
    draws, gradients = torch.Generator().manual_seed(seed), []
    for _ in range(24):
        chosen = torch.randint(len(x), (64,), generator=draws)
        gamma = torch.rand(1, generator=draws)
        logits, made = predict(gamma, x[chosen])
        prior = sum(value.square().sum() for value in made.values())
        loss = nn.functional.cross_entropy(logits, y[chosen]) + 1e-3 * gamma[0] * prior
        gradients.append(torch.cat([part.flatten() for part in torch.autograd.grad(loss, parameters)]))
    stacked = torch.stack(gradients)
    mean = stacked.mean(0)
    return ((stacked - mean).square().sum(1).mean() / mean.square().sum()).item()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_gradients_vary_less_than_with_gamma_itself_on_digits_with_a_weighed_prior(seed):
    torch.manual_seed(seed)
    reader = nn.Sequential(nn.Linear(784, 24), nn.ReLU(), nn.Linear(24, 10))
    hyper = hyperise(reader, 1, hidden=(16, 32))
    shapes = {name: value.shape for name, value in reader.named_parameters()}
    counts = [shape.numel() for shape in shapes.values()]
    plain = leaky_mlp((1, 16, 32, sum(counts)))

    def by_circle(gamma, x):
        made = hyper.hyper(gamma)
        return functional_call(hyper.network, made, (x,)), made

    def by_itself(gamma, x):
        parts = plain(gamma).split(counts)
        made = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts)}
        return functional_call(reader, made, (x,)), made

    circle = relative_variance(by_circle, list(hyper.parameters()), seed)
    itself = relative_variance(by_itself, list(plain.parameters()), seed)
    print(f"variance of gradients over their squared mean: {circle:.2f} on circles, {itself:.2f} without")
    assert circle < itself / 3


def test_a_module_in_float64_starts_exactly_as_it_was():
    conv, x = nn.Conv2d(2, 3, 3).double(), torch.randn(1, 2, 5, 5, dtype=torch.float64)
    hyper = hyperise(conv, 1)
    assert all(torch.equal(value, conv.get_parameter(name)) for name, value in hyper.hyper.start.items())
    assert hyper(GAMMA[:1].double(), x).dtype == torch.float64
