"""The search for a density: climbs to a known optimum, and reports what it gains on real data."""

from functools import cache

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.data.mnist import mnist_5k
from circulant.data.scenes import scene_patches
from circulant.operators.spatial.weighted_conv import WeightedConv2d
from circulant.train.fit import fit
from circulant.train.recipe import Recipe
from circulant.train.tune_density import set_density, tune_density


def test_it_climbs_to_the_optimum_of_each_number_in_turn():
    search = tune_density(lambda density: -sum((a - b) ** 2 for a, b in zip(density, (0.3, 0.6, 0.8))), 7)
    assert search.best == pytest.approx((0.3, 0.6, 0.8))
    assert search.plain_score == pytest.approx(-(0.7**2 + 0.4**2 + 0.2**2))
    assert search.gain == pytest.approx(-search.plain_score)
    assert "over density 1" in str(search)


def test_it_stays_within_the_ranges_and_where_nothing_is_better():
    assert tune_density(lambda density: density[0], 3).best == (1.5,)
    assert tune_density(lambda density: -density[0], 3).best == (0.5,)
    still = tune_density(lambda density: -abs(density[0] - 1), 3)
    assert (still.best, still.gain, len(still.tried)) == ((1.0,), 0.0, 3)


def test_no_density_is_tried_twice():
    asked = []

    def score(density):
        asked.append(density)
        return -((density[0] - 0.4) ** 2) - (density[1] - 1.2) ** 2

    search = tune_density(score, 5)
    assert len(asked) == len(set(asked)) == len(search.tried)


def test_a_density_is_given_to_every_layer_of_a_network():
    network = nn.Sequential(WeightedConv2d(1, 2, 3), nn.ReLU(), nn.Sequential(WeightedConv2d(2, 2, 3)))
    assert set_density(network, (1.25,)) == ("0", "2.0")
    assert network[0].density.tolist() == network[2][0].density.tolist() == [1.25]
    with pytest.raises(ArgumentError, match="weighted convolutions"):
        set_density(nn.Linear(2, 2), (1.0,))


def test_ranges_must_fit_the_kernel():
    with pytest.raises(ArgumentError, match="published ones are for 3, 5 and 7"):
        tune_density(lambda density: 0.0, 9)
    with pytest.raises(ArgumentError, match="2 ranges"):
        tune_density(lambda density: 0.0, 5, ranges=((0.5, 1.5),))


@cache
def digits() -> tuple[torch.Tensor, ...]:
    data = mnist_5k(0)
    return tuple(map(torch.tensor, (data.train.x, data.train.y, data.test.x, data.test.y)))


def digits_score(density: tuple[float, ...]) -> float:
    """Minus the cross entropy of a small network on unseen digits, from the same weights each time."""
    torch.manual_seed(0)
    network = nn.Sequential(
        WeightedConv2d(1, 8, 3, 2, 1, density=density),
        nn.ReLU(),
        WeightedConv2d(8, 16, 3, 2, 1, density=density),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 49, 10),
    )
    x, y, unseen_x, unseen_y = digits()
    fit(network, x, y, steps=60, recipe=Recipe(batch=64, label_smoothing=0.0))
    with torch.no_grad():
        return -F.cross_entropy(network(unseen_x), unseen_y).item()


def denoising_score(density: tuple[float, ...]) -> float:
    """PSNR in decibel on unseen patches of photographs with noise of standard deviation 0.1."""
    clean = torch.tensor(scene_patches(24, 192, seed=0))
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    network = nn.Sequential(
        WeightedConv2d(1, 8, 3, padding=1, density=density),
        nn.ReLU(),
        WeightedConv2d(8, 1, 3, padding=1, density=density),
    )
    noise = noisy - clean
    fit(
        network,
        noisy[:128],
        noise[:128],
        steps=80,
        loss=F.mse_loss,
        recipe=Recipe(batch=16, learning_rate=2e-2),
    )
    with torch.no_grad():
        left = F.mse_loss(network(noisy[128:]), noise[128:])
    return -10 * left.log10().item()


@pytest.mark.slow
@pytest.mark.parametrize("score", [digits_score, denoising_score])
def test_on_digits_and_on_photographs_it_reports_the_best_density_and_its_gain(score):
    search = tune_density(score, 3)
    assert search.tried[search.best] == search.score == max(search.tried.values())
    assert search.plain_score == search.tried[1.0,] == pytest.approx(score((1.0,)))
    assert search.gain > 0
    assert 0.5 <= search.best[0] <= 1.5
    assert len(search.tried) >= 3
