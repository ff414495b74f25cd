"""A simulator of waves with one-way filters is as exact as the dense one, with fewer parameters."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ShapeError
from circulant.models.wave_simulator_cnn import WaveSimulatorCnn
from circulant.train.fit import fit
from circulant.train.recipe import Recipe

SPEED = 0.5  # in cells per step, squared; stable up to 0.5 in two dimensions


def waves(count, steps, size, seed):
    """States (count, steps, size, size) of the wave equation between fixed walls, from random bumps."""
    generator = torch.Generator().manual_seed(seed)
    laplace = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])[None, None]
    grid = torch.arange(size).float()
    state = torch.zeros(count, size, size)
    for _ in range(3):
        row, column = (torch.rand(2, count, 1, generator=generator) * 0.6 + 0.2) * size
        width = 1.5 + 2 * torch.rand(count, 1, generator=generator)
        height = torch.randn(count, 1, 1, generator=generator)
        rows, columns = (torch.exp(-(((grid - place) / width) ** 2)) for place in (row, column))
        state = state + height * rows[:, :, None] * columns[:, None]
    states = [state, state]
    for _ in range(steps + 3):
        now, before = states[-1], states[-2]
        bent = F.conv2d(now[:, None], laplace, padding=1)[:, 0]
        states.append(2 * now - before + SPEED * bent)
    return torch.stack(states[-steps:], 1)


def pairs(states):
    """(N, 2, size, size) -> (N, 1, size, size), over all times."""
    x = torch.stack([states[:, :-2], states[:, 1:-1]], 2).flatten(0, 1)
    return x, states[:, 2:].flatten(0, 1)[:, None]


def relative_error(network, x, y):
    with torch.no_grad():
        return ((network(x) - y).norm() / y.norm()).item()


@pytest.mark.slow
def test_one_way_filters_simulate_as_exactly_as_dense_ones_with_fewer_parameters():
    """Each at the better of two learning rates: steps of a factor move a kernel less than its own steps."""
    x, y = pairs(waves(16, 12, 16, seed=0))
    test_x, test_y = pairs(waves(8, 12, 16, seed=1))

    def trained(rank, rate):
        torch.manual_seed(0)
        network = WaveSimulatorCnn(width=8, depth=2, kernel_size=5, rank=rank)
        recipe = Recipe(batch=16, learning_rate=rate, weight_decay=0.0)
        fit(network, x, y, steps=400, loss=F.mse_loss, recipe=recipe)
        return network

    errors, sizes = {}, {}
    for rank in (None, 2):
        networks = [trained(rank, rate) for rate in (2e-2, 4e-2)]
        errors[rank] = min(relative_error(network, test_x, test_y) for network in networks)
        sizes[rank] = sum(parameter.numel() for parameter in networks[0].parameters())
    still = ((test_x[:, 1:] - test_y).norm() / test_y.norm()).item()
    print(f"one step: still {still:.4f}, dense {errors[None]:.4f}, one-way {errors[2]:.4f}; {sizes}")
    assert errors[None] < 0.1 * still
    assert sizes[2] < sizes[None]
    assert errors[2] < 1.2 * errors[None]


def test_parameters_are_those_of_filters_and_biases():
    dense, one_way = WaveSimulatorCnn(), WaveSimulatorCnn(rank=2)
    pairs_of_channels = 2 * 16 + 16 * 16 + 16
    assert sum(p.numel() for p in dense.parameters()) == 25 * pairs_of_channels + 33
    assert sum(p.numel() for p in one_way.parameters()) == 20 * pairs_of_channels + 33


def test_rolling_out_feeds_each_state_back():
    network, x = WaveSimulatorCnn(rank=1, ndim=3, kernel_size=3), torch.randn(2, 2, 4, 5, 6)
    states = network.roll_out(x, 3)
    assert states.shape == (2, 3, 4, 5, 6)
    assert torch.equal(states[:, :1], network(x))
    assert torch.equal(states[:, 2:], network(states[:, :2]))
    with pytest.raises(ShapeError, match=r"x \(B, 2, \*spatial\), got \(2, 3, 8, 8\)"):
        WaveSimulatorCnn()(torch.randn(2, 3, 8, 8))
