"""Sparsity, entropy and orthogonality of kernels that are known."""

from math import isnan, log10

import pytest
import torch
from scipy.stats import entropy
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.filter_statistics import (
    filter_statistics,
    orthogonality,
    random_entropy,
    sparsity,
    variance_entropy,
)


def test_kernels_count_as_sparse_by_their_largest_tap():
    weight = torch.zeros(2, 2, 3, 3)
    weight[0, 0, 1, 1], weight[0, 1, 2, 0], weight[1, 0, 0, 0] = -1.0, 0.009, 0.011
    assert sparsity(weight) == 0.5
    assert sparsity(100 * weight) == 0.5


def test_the_entropy_is_that_of_the_variance_by_principal_direction():
    weight = torch.randn(5, 4, 3, 3, dtype=torch.float64) * torch.rand(3, 3, dtype=torch.float64)
    rows = weight.reshape(20, 9)
    variance = torch.linalg.eigvalsh(torch.cov(rows.T))
    assert variance_entropy(weight) == pytest.approx(entropy(variance.numpy(), base=10), abs=1e-10)


def test_many_gaussian_kernels_vary_alike_in_all_nine_directions():
    weight = torch.randn(200, 100, 3, 3)
    assert variance_entropy(weight) == pytest.approx(log10(9), abs=1e-3)
    assert variance_entropy(weight) / random_entropy(20_000) == pytest.approx(1, abs=0.02)


def test_kernels_along_one_direction_have_no_entropy():
    weight = torch.randn(6, 5, 1, 1, dtype=torch.float64) * torch.randn(3, 3, dtype=torch.float64)
    assert variance_entropy(weight) == pytest.approx(0, abs=1e-12)
    assert variance_entropy(weight + 1) == pytest.approx(0, abs=1e-12)  # the mean is no direction
    assert variance_entropy(torch.ones(4, 4, 3, 3)) == 0


def test_the_threshold_is_the_published_sigmoid():
    for kernels, expected in ((4, 0.2357), (16, 0.7221), (4096, 0.9511)):
        sigmoid = 1.262 / (1 + 2.718281828 ** (-0.888 * (torch.log2(torch.tensor(kernels)) - 2.304))) - 0.311
        assert random_entropy(kernels) == pytest.approx(float(sigmoid), abs=2e-3)
        assert random_entropy(kernels) == pytest.approx(expected, abs=1e-3)


def test_orthogonality_is_one_of_orthogonal_and_zero_of_equal_channels():
    rows, _ = torch.linalg.qr(torch.randn(18, 6, dtype=torch.float64))
    assert orthogonality(rows.T.reshape(6, 2, 3, 3) * 4) == pytest.approx(1, abs=1e-12)
    assert orthogonality(torch.randn(1, 2, 3, 3).repeat(6, 1, 1, 1)) == pytest.approx(0, abs=1e-6)
    assert orthogonality(torch.tensor([1.0, -1.0]).reshape(2, 1, 1)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("channels", [2, 5, 16])
def test_a_layer_of_zeros_is_sparse_and_not_even_like_itself(channels):
    weight = torch.zeros(channels, 3, 3, 3)
    assert sparsity(weight) == 1
    assert variance_entropy(weight) == 0
    assert orthogonality(weight) == pytest.approx(1 - 1 / (channels - 1), abs=1e-12)


def test_layers_of_the_size_are_described_in_order_and_left_alone():
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.Conv2d(4, 6, 5),
        nn.Sequential(nn.Conv2d(6, 8, 3, groups=2)),
        nn.Conv2d(8, 1, 3),
    )
    first, grouped, last = filter_statistics(network)
    assert [layer.name for layer in (first, grouped, last)] == ["0", "2.0", "3"]
    assert [layer.kernels for layer in (first, grouped, last)] == [4, 24, 8]
    assert grouped.orthogonality == orthogonality(network[2][0].weight)
    assert grouped.relative_entropy == grouped.entropy / random_entropy(24)
    assert isnan(last.orthogonality)
    assert isnan(filter_statistics(nn.Conv1d(1, 2, 7), (7,))[0].relative_entropy)
    assert all(weight.requires_grad and weight.grad is None for weight in network.parameters())


def test_bad_arguments_are_refused():
    with pytest.raises(ShapeError, match="two output channels or more"):
        orthogonality(torch.randn(1, 2, 3, 3))
    with pytest.raises(ShapeError, match="not empty"):
        sparsity(torch.zeros(4, 9))
    with pytest.raises(ArgumentError, match="found none"):
        filter_statistics(nn.Linear(3, 3))
