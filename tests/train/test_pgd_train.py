"""Attacks that stay near, and networks that were trained against them."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from circulant.core.errors import ArgumentError
from circulant.data.mnist import mnist_5k
from circulant.models.heads import PoolHead
from circulant.train.fit import fit
from circulant.train.pgd_train import Attack, attacked, pgd_train
from circulant.train.predict import predict


def small():
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 5, 2, 2), nn.ReLU(), PoolHead(32, 10))
    )


def test_an_attack_stays_near_and_within_the_range_and_raises_the_loss():
    network, x, y = small().eval(), torch.rand(20, 1, 12, 12), torch.randint(0, 10, (20,))
    moved = attacked(network, x, y, Attack(radius=0.1))
    assert (moved - x).abs().max() <= 0.1 + 1e-6
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert cross_entropy(network(moved), y) > cross_entropy(network(x), y)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_an_attack_on_a_linear_network_goes_to_the_corner_of_the_box():
    network = nn.Sequential(nn.Flatten(), nn.Linear(9, 2)).double()
    x, y = torch.full((1, 1, 3, 3), 0.5, dtype=torch.float64), torch.tensor([0])
    weight = network[1].weight.detach()
    moved = attacked(network, x, y, Attack(radius=0.1, rate=0.05, steps=8))
    torch.testing.assert_close(moved.flatten(), 0.5 + 0.1 * (weight[1] - weight[0]).sign())


def test_a_radius_of_zero_leaves_the_pictures():
    x = torch.rand(2, 1, 8, 8)
    assert torch.equal(attacked(small(), x, torch.tensor([0, 1]), Attack(radius=0.0)), x)


@pytest.mark.slow
def test_training_on_attacked_digits_makes_a_network_harder_to_mislead():
    data = mnist_5k(0)
    x, y = torch.from_numpy(data.train.x), torch.from_numpy(data.train.y)
    test_x, test_y = torch.from_numpy(data.test.x[:300]), torch.from_numpy(data.test.y[:300])
    attack, right = Attack(radius=0.1, rate=0.04, steps=4), []
    for train in (fit, lambda *args, **options: pgd_train(*args, attack=attack, **options)):
        network = small()
        train(network, x, y, steps=200)
        found = predict(network, attacked(network, test_x, test_y, Attack(radius=0.1, steps=10)))
        right.append((found == test_y).double().mean().item())
    assert right[1] > right[0] + 0.1


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="a radius of 0 or more"):
        Attack(radius=-0.1)
    with pytest.raises(ArgumentError, match="low below high"):
        Attack(low=1.0)
