"""LASSO picks what contributes, least squares makes up for the rest, and networks lose little."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.data.mnist import mnist_5k
from circulant.models.residual import Residual
from circulant.optimise.input_windows import input_windows
from circulant.optimise.lasso_selection import lasso_selection, least_squares
from circulant.optimise.picked_input import PickedInput
from circulant.optimise.prune_channels_lasso import prune_channels_lasso
from circulant.train.fit import fit


def correlated_layer(seed, channels=16, outputs=12, samples=2000):
    """Windows (N, I, 9) of channels that share a part, weight (O, I, 9) and what they give."""
    generator = np.random.default_rng(seed)
    shared = generator.standard_normal((samples, 4, 9))
    mixing = generator.standard_normal((channels, 4)) / 2
    windows = np.einsum("im,nmk->nik", mixing, shared) + generator.standard_normal((samples, channels, 9))
    windows = np.maximum(windows * generator.uniform(0.3, 1.5, (channels, 1)), 0)
    weight = generator.standard_normal((outputs, channels, 9)) / 12
    return windows, weight, np.einsum("nik,oik->no", windows, weight)


def parts_of(windows, weight, y, count=100):
    each = np.einsum("nik,oik->noi", windows[:count], weight)
    return each.reshape(-1, each.shape[2]), y[:count].reshape(-1)


def relative_error(y, found):
    return np.linalg.norm(found - y) / np.linalg.norm(y - y.mean(0))


def refitted_error(windows, y, kept):
    columns = windows[:, kept].reshape(len(windows), -1)
    weight, bias = least_squares(columns, y)
    return relative_error(y, columns @ weight.T + bias)


@pytest.mark.parametrize("wanted", [3, 8, 10, 15])
def test_the_selection_is_the_support_of_lasso_at_its_penalty(wanted):
    windows, weight, y = correlated_layer(0)
    parts, target = parts_of(windows, weight, y)
    found = lasso_selection(parts, target, wanted)
    assert wanted <= found.kept.sum() <= 1.1 * wanted
    alone = Lasso(alpha=found.alpha, tol=1e-10, max_iter=100_000).fit(parts, target)
    assert np.array_equal(alone.coef_ != 0, found.kept)


def test_weights_are_those_of_the_normal_equations():
    windows, _, y = correlated_layer(1)
    x = windows[:, :5].reshape(len(windows), -1)
    weight, bias = least_squares(x, y)
    centred = x - x.mean(0)
    expected = np.linalg.solve(centred.T @ centred, centred.T @ y).T
    assert np.abs(weight - expected).max() < 1e-10
    assert np.abs(bias - (y.mean(0) - x.mean(0) @ expected.T)).max() < 1e-10


@pytest.mark.parametrize("seed", range(3))
def test_dead_channels_go_without_any_error(seed):
    windows, weight, _ = correlated_layer(seed)
    weight[:, ::2] = 0  # these contribute nothing
    y = np.einsum("nik,oik->no", windows, weight)
    found = lasso_selection(*parts_of(windows, weight, y), 8)
    assert np.array_equal(np.flatnonzero(found.kept), np.arange(1, 16, 2))
    assert refitted_error(windows, y, found.kept) < 1e-8


@pytest.mark.parametrize("seed", range(3))
def test_of_channels_that_come_twice_it_does_not_know_to_keep_one_each(seed):
    windows, weight, _ = correlated_layer(seed)
    windows[:, 8:] = windows[:, :8]
    y = np.einsum("nik,oik->no", windows, weight)
    found = lasso_selection(*parts_of(windows, weight, y), 8)
    assert refitted_error(windows, y, np.arange(16) < 8) < 1e-10
    assert refitted_error(windows, y, found.kept) > 0.1


@pytest.mark.parametrize("seed", range(5))
def test_the_error_is_below_that_of_magnitude_without_a_fit(seed):
    windows, weight, y = correlated_layer(seed)
    found = lasso_selection(*parts_of(windows, weight, y), 8)
    largest = np.sort(np.argsort(-np.abs(weight).sum((0, 2)))[: found.kept.sum()])
    magnitude = np.einsum("nik,oik->no", windows[:, largest], weight[:, largest])
    unfitted = relative_error(y, magnitude - magnitude.mean(0) + y.mean(0))
    assert refitted_error(windows, y, found.kept) < unfitted


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(3, 4, 3, 2, 2, 2), (2, 3, 11)),
        (nn.Conv2d(3, 4, (2, 3), padding="same", padding_mode="circular"), (2, 3, 5, 6)),
        (nn.Conv3d(2, 3, 2, padding=1), (2, 2, 3, 4, 3)),
    ],
)
def test_windows_times_the_weight_are_the_output(layer, shape):
    x = torch.randn(shape)
    windows = input_windows(layer, x)
    axes = list(range(1, layer.weight.ndim))
    y = torch.tensordot(windows, layer.weight, (list(range(windows.ndim - len(axes), windows.ndim)), axes))
    assert torch.allclose(y.movedim(-1, 1), layer(x) - layer.bias.view(-1, *[1] * (y.ndim - 2)), atol=1e-5)


def residual_net():
    torch.manual_seed(0)
    branch = nn.Sequential(
        nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, bias=False)
    )
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), Residual(branch), nn.ReLU(), nn.Conv2d(8, 4, 1)
    ).double()


def test_a_residual_stream_stays_its_readers_pick_and_undo_restores():
    network, x = residual_net(), torch.randn(40, 3, 6, 6, dtype=torch.float64)
    original, before = network(x), list(network.modules())
    pruning = prune_channels_lasso(network, x, 0.5)
    assert [layer.name for layer in pruning.layers] == ["2.branch.0", "2.branch.2", "4"]
    assert all(layer.kept == 4 for layer in pruning.layers)
    assert isinstance(network[2].branch[0], PickedInput)
    assert network[2].branch[0].layer.weight.shape == (4, 4, 3, 3)
    assert network[2].branch[2].weight.shape == (8, 4, 3, 3)
    assert network[0].weight.shape[0] == 8
    assert 0.01 < (network(x) - original).norm() / original.norm() < 0.7
    assert pruning.undo() is network
    assert list(network.modules()) == before and network.training
    assert torch.equal(network(x), original)


def test_the_end_of_a_branch_makes_up_for_an_error_of_its_shortcut(monkeypatch):
    x = torch.randn(100, 3, 6, 6, dtype=torch.float64)

    def error():
        torch.manual_seed(0)
        blocks = (
            Residual(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 1)))
            for _ in range(2)
        )
        network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), *blocks).double()
        original = network(x)
        prune_channels_lasso(network, x, 0.5, names=["2.branch.2", "3.branch.2"])
        return (network(x) - original).norm() / original.norm()

    seen = error()
    monkeypatch.setattr("circulant.optimise.prune_channels_lasso._shortcut", lambda node: None)
    assert seen < error()


def digits_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


@pytest.mark.slow
def test_digits_without_training_lose_under_two_points_at_three_quarters_and_ten_at_half_the_channels():
    data = mnist_5k(0)
    x, y = torch.from_numpy(data.train.x), torch.from_numpy(data.train.y)
    test_x, test_y = torch.from_numpy(data.test.x), torch.from_numpy(data.test.y)
    torch.manual_seed(0)
    network = digits_cnn()
    fit(network, x, y, steps=400)

    def accuracy():
        with torch.no_grad():
            return float((network(test_x).argmax(1) == test_y).double().mean())

    full = accuracy()
    pruning = prune_channels_lasso(network, x[:500], 0.75)
    assert [layer.channels for layer in pruning.layers] == [16, 32, 32]
    assert full > 0.95 and full - accuracy() < 0.02  # 0.957 and 0.950 measured
    pruning.undo()
    assert accuracy() == full
    prune_channels_lasso(network, x[:2000], 0.5)
    assert full - accuracy() < 0.1  # 0.888 measured


def test_shares_and_names_without_a_meaning_are_refused():
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    with pytest.raises(ArgumentError, match="a share of channels above 0 and up to 1, got 0"):
        prune_channels_lasso(residual_net(), x, 0)
    with pytest.raises(ArgumentError, match="called once, got nowhere; known: 0, "):
        prune_channels_lasso(residual_net(), x, 0.5, names=["nowhere"])
    with pytest.raises(ArgumentError, match="to keep 1 to 3 parts, got 4"):
        lasso_selection(np.ones((5, 3)), np.ones(5), 4)
