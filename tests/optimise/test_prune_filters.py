"""Filters go by their scores, a few at a time, and the most relevant ones stay."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.data.mnist import mnist_5k
from circulant.optimise.channel_units import channel_units
from circulant.optimise.filter_scores import (
    activation_gradient_scores,
    gradient_scores,
    magnitude_scores,
    normed_per_layer,
    relevance_scores,
)
from circulant.optimise.prune_filters import prune_filters, relevance_pruning
from circulant.optimise.remove_channels import remove_channels
from circulant.train.fit import fit

CRITERIA = [magnitude_scores, gradient_scores, activation_gradient_scores, relevance_scores]


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return self.head((x + torch.relu(self.last(x))).mean((2, 3)))


def chain():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 10, 3), nn.BatchNorm2d(10), nn.ReLU(), nn.Conv2d(10, 10, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 3),
    )  # fmt: skip


def examples():
    torch.manual_seed(1)
    return torch.rand(6, 1, 8, 8), torch.arange(6) % 3


def test_relevance_scores_are_shares_of_each_layer():
    scores = relevance_scores(chain(), *examples())
    assert list(scores) == ["0", "3"]
    assert all(score.sum() == pytest.approx(1, abs=1e-5) for score in scores.values())


def test_gradient_scores_are_what_small_changes_of_the_outputs_do():
    network, (x, y) = chain().double().eval(), examples()
    x = x.double()
    with torch.no_grad():
        before = nn.functional.cross_entropy(network(x), y)
        found = gradient_scores(network, x, y)["3"]
        product = activation_gradient_scores(network, x, y)["3"]
        weight, bias = network[3].weight[4].clone(), network[3].bias[4].clone()
        network[3].bias[4] += 1e-6  # the same at all 6 examples x 16 positions
        slope = (nn.functional.cross_entropy(network(x), y) - before) / 1e-6
        assert abs(found[4] - abs(slope) / (6 * 16)) < 1e-7
        network[3].weight[4], network[3].bias[4] = weight * (1 + 1e-6), bias * (1 + 1e-6)
        slope = (nn.functional.cross_entropy(network(x), y) - before) / 1e-6
    assert abs(product[4] - abs(slope) / (6 * 16)) < 1e-7


def test_normed_scores_have_length_one_in_every_layer():
    scores = normed_per_layer(gradient_scores)(chain(), *examples())
    assert all(float(score.norm()) == pytest.approx(1, abs=1e-6) for score in scores.values())


@pytest.mark.parametrize("criterion", CRITERIA)
def test_filters_go_in_steps_of_five_percent_until_a_tenth_is_left_and_come_back(criterion):
    network, (x, y) = chain().eval(), examples()
    expected, widths = network(x), []

    def note(pruned):
        widths.append(len(pruned[0].weight) + len(pruned[3].weight))

    pruning = relevance_pruning(network, x, y, criterion=criterion, after=note)
    assert widths == list(range(19, 1, -1))
    assert [round(20 * step.left) for step in pruning.steps] == widths
    assert network(x).shape == expected.shape
    assert min(len(network[0].weight), len(network[3].weight)) >= 1
    assert torch.equal(pruning.undo()(x), expected)


def test_each_step_removes_the_lowest_scores_of_all_layers():
    network, (x, y) = chain().eval(), examples()
    scores = magnitude_scores(network, x, y)
    every = torch.cat(list(scores.values())).sort().values
    lowest = [int((score <= every[3]).sum()) for score in scores.values()]
    relevance_pruning(network, x, y, criterion=magnitude_scores, step=0.2, most=0.2)
    assert [10 - len(network[0].weight), 10 - len(network[3].weight)] == lowest


def test_scores_of_layers_that_meet_in_a_sum_are_added():
    torch.manual_seed(0)
    network, (x, _) = Residual(), examples()
    scores = {"first": torch.arange(6.0), "last": torch.tensor([9.0, 0, 0, 0, 0, 0])}
    rest = network.first.weight[[0, 3, 4, 5]].clone()
    prune_filters(network, x, scores, {"first": 1 / 3})
    assert torch.equal(network.first.weight, rest)
    assert network.last.weight.shape == (4, 4, 3, 3)


def test_removal_equals_masking_behind_the_activation():
    network, (x, y) = chain().double().eval(), examples()
    x = x.double()
    units = channel_units(network, x)
    gone = units.made["0"][relevance_scores(network, x, y)["0"].argsort()[:4]]
    kept = ~torch.isin(torch.arange(units.count), gone)
    mask = kept[units.made["0"]].double()[:, None, None]
    expected = network[3:](network[:3](x) * mask)
    remove_channels(network, units, kept)
    assert (network(x) - expected).abs().max() < 1e-6


def test_steps_without_a_meaning_and_networks_without_filters_are_refused():
    x, y = examples()
    with pytest.raises(ArgumentError, match=r"0 < step <= most < 1, got step = 0\.5 and most = 0\.2"):
        relevance_pruning(chain(), x, y, step=0.5, most=0.2)
    with pytest.raises(ArgumentError, match="filters that can be removed, got a network without any"):
        relevance_pruning(nn.Sequential(nn.Conv2d(1, 3, 8), nn.Flatten()), x, y)


def digits_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 24, 3, 1, 1),
        nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(24, 24, 3, 1, 1), nn.BatchNorm2d(24),
        nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(96, 10),
    )  # fmt: skip


def area_under_pruning(network, criterion, reference, test):
    """Mean accuracy over the steps, without training in between."""
    reached = []

    def measure(pruned):
        with torch.no_grad():
            reached.append(float((pruned(test[0]).argmax(1) == test[1]).double().mean()))

    relevance_pruning(network, *reference, criterion=criterion, after=measure).undo()
    return sum(reached) / len(reached)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_digits_without_training_stay_readable_longer_than_by_magnitude(seed, capsys):
    data = mnist_5k(0)
    x, y = torch.from_numpy(data.train.x), torch.from_numpy(data.train.y)
    test = torch.from_numpy(data.test.x), torch.from_numpy(data.test.y)
    chosen = torch.cat([(y == digit).nonzero()[:10, 0] for digit in range(10)])
    torch.manual_seed(seed)
    network = digits_cnn()
    fit(network, x, y, steps=250, seed=seed)
    found, magnitude = (
        area_under_pruning(network, criterion, (x[chosen], y[chosen]), test)
        for criterion in (relevance_scores, magnitude_scores)
    )
    with capsys.disabled():
        print(f"\nseed {seed}: area {found:.3f} by relevance, {magnitude:.3f} by magnitude")
    assert found >= magnitude
