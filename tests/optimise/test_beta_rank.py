"""Beta-Rank is its equation, and its pruning keeps what rare classes need as well as magnitudes do."""

from statistics import fmean

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.data.mnist import mnist_5k
from circulant.explain.flop_count import flop_count
from circulant.explain.imbalance_report import imbalance_report
from circulant.optimise.beta_rank import beta_rank, beta_rank_scores
from circulant.optimise.filter_scores import magnitude_scores
from circulant.optimise.prune_filters import prune_filters
from circulant.train.fit import fit

BATCH = 256  # examples that filters are ranked on, as in the published code


def one_layer(conv, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(conv).double()


def naive(conv, x):
    """Entry by entry, for a convolution in two dimensions without dilation or groups."""
    padded = nn.functional.pad(x, (conv.padding[1],) * 2 + (conv.padding[0],) * 2)
    y, (steps, (rows, columns)) = conv(x), (conv.stride, conv.kernel_size)
    scores = []
    for k, weight in enumerate(conv.weight):
        total = 0.0
        for i in range(y.shape[2]):
            for j in range(y.shape[3]):
                top, left = i * steps[0], j * steps[1]
                window = padded[:, :, top : top + rows, left : left + columns]
                total += float(y[:, k, i, j].std(correction=0) / window.std(correction=0))
        scores.append(float(weight.abs().mean()) * total)
    return torch.tensor(scores)


def test_raw_scores_are_the_equation_over_the_true_windows():
    conv = nn.Conv2d(3, 5, (3, 2), stride=2, padding=1)
    network, x = one_layer(conv), torch.randn(6, 3, 7, 8, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(beta_rank(network, x).raw["0"].float(), naive(conv, x), rtol=1e-6)


def test_groups_have_windows_of_their_own_channels():
    x = torch.randn(6, 4, 9, dtype=torch.float64)
    network = one_layer(nn.Conv1d(4, 6, 3, groups=2))
    found = beta_rank(network, x).raw["0"]
    for group in range(2):
        part = one_layer(nn.Conv1d(2, 3, 3))
        with torch.no_grad():
            part[0].weight.copy_(network[0].weight[3 * group : 3 * group + 3])
        expected = beta_rank(part, x[:, 2 * group : 2 * group + 2]).raw["0"]
        assert torch.allclose(found[3 * group : 3 * group + 3], expected, rtol=1e-10)


def test_scores_square_the_weights_scale_and_forget_that_of_the_input():
    network, x = one_layer(nn.Conv3d(2, 4, 2)), torch.randn(5, 2, 4, 3, 4, dtype=torch.float64)
    before = beta_rank(network, x)
    assert torch.allclose(beta_rank(network, 7 * x).raw["0"], before.raw["0"], rtol=1e-12)
    with torch.no_grad():
        network[0].weight.mul_(3)
    after = beta_rank(network, x)
    assert torch.allclose(after.raw["0"] / before.raw["0"], torch.full((4,), 9.0).double(), rtol=1e-12)
    assert torch.allclose(after.scores["0"], before.scores["0"], rtol=1e-12)


def test_a_filter_of_zeros_scores_zero_and_is_the_first_to_go():
    network, x = one_layer(nn.Conv2d(1, 4, 3)), torch.randn(4, 1, 6, 6, dtype=torch.float64)
    network.append(nn.Conv2d(4, 2, 1).double())
    with torch.no_grad():
        network[0].weight[2] = 0
    ranks = beta_rank(network, x)
    assert ranks.raw["0"][2] == 0 and ranks.scores["0"].argmin() == 2
    assert ranks.scores["0"].min() == 0 and ranks.scores["0"].max() == 1
    weight = network[0].weight.clone()
    rewrite = prune_filters(network, x, ranks.scores, 0.25)
    assert [each.name for each in rewrite.replaced] == ["0", "1"]
    assert torch.equal(network[0].weight, weight[[0, 1, 3]])


def test_layers_of_one_filter_and_constant_inputs_have_scores_without_nan():
    network, x = one_layer(nn.Conv2d(1, 1, 3)), torch.randn(4, 1, 6, 6, dtype=torch.float64)
    assert beta_rank(network, x).scores["0"].tolist() == [1.0]
    assert beta_rank(network, torch.ones_like(x)).raw["0"].tolist() == [0.0]
    with pytest.raises(ArgumentError, match="a batch of 2 examples or more, got 1; one does not vary"):
        beta_rank(network, x[:1])


def test_flop_are_counted_exactly_before_and_after_pruning():
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU(),
        nn.Conv2d(8, 6, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10),
    )  # fmt: skip
    x = torch.randn(2, 1, 5, 7)

    def by_hand(wide, narrow):
        return 2 * 2 * (35 * (9 * wide + 9 * wide + wide * narrow) + narrow * 10)

    assert flop_count(network, x) == by_hand(8, 6)
    prune_filters(network, x, magnitude_scores(network, x, x), {"0": 0.5, "4": 1 / 3})
    assert flop_count(network, x) == by_hand(4, 4)


def test_rates_of_a_whole_layer_are_refused():
    network, x = one_layer(nn.Conv2d(1, 4, 3)), torch.randn(4, 1, 6, 6, dtype=torch.float64)
    with pytest.raises(ArgumentError, match=r"a rate from 0 to below 1, got 1\.0 for '0'"):
        prune_filters(network, x, magnitude_scores(network, x, x), 1.0)
    with pytest.raises(ArgumentError, match="rates of layers that have scores, got some of 7"):
        prune_filters(network, x, magnitude_scores(network, x, x), {"7": 0.5})


def rare_digits():
    """Of odd digits one in ten is left."""
    data = mnist_5k(0)
    x, y = torch.from_numpy(data.train.x), torch.from_numpy(data.train.y)
    kept = (y % 2 == 0) | (torch.arange(len(y)) % 10 == 0)
    return x[kept], y[kept], torch.from_numpy(data.test.x), torch.from_numpy(data.test.y)


def digits_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 24, 3, 1, 1),
        nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(24, 24, 3, 1, 1), nn.BatchNorm2d(24),
        nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(96, 10),
    )  # fmt: skip


@pytest.mark.slow
def test_on_rare_digits_at_half_the_flop_it_is_not_far_below_magnitude(capsys):
    x, y, test_x, test_y = rare_digits()
    gaps = []
    for seed in range(3):
        torch.manual_seed(seed)
        network = digits_cnn()
        fit(network, x, y, steps=250, seed=seed)
        state = {name: value.clone() for name, value in network.state_dict().items()}
        full, reached = flop_count(network, test_x[:1]), []
        for criterion in (beta_rank_scores, magnitude_scores):
            network.load_state_dict(state)
            scores = criterion(network, x[:BATCH], y[:BATCH])
            rewrite = prune_filters(network, x[:2], scores, 0.3)
            assert 0.4 < flop_count(network, test_x[:1]) / full < 0.56
            fit(network, x, y, steps=60, seed=seed)
            with torch.no_grad():
                reached.append(imbalance_report(network(test_x), test_y).balanced_accuracy)
            rewrite.undo()
        gaps.append(reached[0] - reached[1])
        with capsys.disabled():
            print(f"\nseed {seed}: balanced accuracy {reached[0]:.3f} by Beta-Rank, {reached[1]:.3f} by L1")
    assert fmean(gaps) > -0.02
