"""Dependencies between blocks where they are known."""

import xml.etree.ElementTree as ET

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.ffn_dependency_matrix import ffn_dependency_matrix
from circulant.models.conv_next import ConvNeXt, ConvNeXtDesign
from circulant.models.residual import Residual


class Turned(nn.Module):
    """Adds the one channel of two to the other one, or a constant."""

    def __init__(self, source, target):
        super().__init__()
        self.source, self.target = source, target

    def forward(self, x):
        added = torch.zeros_like(x)
        added[:, self.target] = 1.0 if self.source is None else x[:, self.source]
        return x + added


def mean_cosine_distance(a, b):
    return (1 - nn.functional.cosine_similarity(a, b, dim=1)).mean().item()


def test_entries_are_the_mean_cosine_distance_with_and_without_a_block():
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Tanh()) for _ in range(3)]
    network = nn.Sequential(nn.Conv2d(1, 3, 1), *(Residual(layer) for layer in layers)).double()
    x = torch.randn(2, 1, 6, 5, dtype=torch.float64)
    matrix = ffn_dependency_matrix(network, ["1", "2", "3"], x)
    one, two, three = layers
    first = network[0](x)
    second = first + one(first)
    third = second + two(second)
    expected = torch.zeros(3, 3, dtype=torch.float64)
    expected[0, 1] = mean_cosine_distance(two(second), two(first))
    expected[0, 2] = mean_cosine_distance(three(third), three(first + two(first)))
    expected[1, 2] = mean_cosine_distance(three(third), three(second))
    assert torch.allclose(matrix.distance, expected, atol=1e-12)
    assert (expected[0] > 0).sum() == 2


def test_blocks_before_and_the_block_itself_are_at_exactly_zero():
    network = ConvNeXt(ConvNeXtDesign((8,), (5,), 3), 10, 1, scale=0.5).train()
    names = [f"stages.0.{i}" for i in range(2, 7)]
    matrix = ffn_dependency_matrix(network, names, torch.randn(2, 1, 16, 16))
    assert torch.equal(matrix.distance, matrix.distance.triu(1))
    assert (matrix.distance[torch.triu(torch.ones(5, 5), 1) > 0] > 0).all()
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def test_a_block_that_ignores_another_does_not_depend_on_it():
    network = nn.Sequential(Turned(None, 1), Turned(0, 1), Turned(1, 0))
    matrix = ffn_dependency_matrix(network, ["0", "1", "2"], torch.rand(2, 2, 4) + 1)
    assert matrix.distance[0, 1] == 0
    assert matrix.distance[0, 2] == 0  # what it adds gets shorter, and keeps its direction
    assert matrix.runs(0.0) == (("0", "1", "2"),)


def test_a_block_that_adds_nothing_without_another_is_at_one_and_runs_end_before_it():
    class Mean(nn.Module):
        def forward(self, x):
            return x + x[:, 1:2]

    network = nn.Sequential(Turned(None, 1), Turned(None, 0), Mean())
    matrix = ffn_dependency_matrix(network, ["0", "1", "2"], torch.zeros(1, 2, 3))
    assert matrix.distance[0, 2].item() == pytest.approx(1)
    assert matrix.runs(0.5) == (("0", "1"),)


def test_the_channels_may_stand_last():
    torch.manual_seed(0)
    network = nn.Sequential(Residual(nn.Linear(4, 4)), Residual(nn.Linear(4, 4)))
    x = torch.randn(2, 5, 4)
    expected = mean_cosine_distance(
        network[1].branch(network[0](x)).movedim(-1, 1), network[1].branch(x).movedim(-1, 1)
    )
    matrix = ffn_dependency_matrix(network, ["0", "1"], x, channel_axis=-1)
    assert matrix.distance[0, 1].item() == pytest.approx(expected, rel=1e-5)


def test_the_picture_names_the_blocks():
    network = nn.Sequential(*(Residual(nn.Conv1d(2, 2, 1)) for _ in range(3)))
    picture = ffn_dependency_matrix(network, ["0", "1", "2"], torch.randn(1, 2, 4)).plot()
    words = [part.text for part in ET.fromstring(picture).iter() if part.tag.endswith("text")]
    assert {"rows: block left out", "0 · 1", "2 · 3", "3"} <= set(words)


def test_bad_blocks_are_refused():
    network = nn.Sequential(nn.Conv1d(2, 2, 1), nn.Conv1d(2, 2, 2), nn.Conv1d(2, 2, 1))
    x = torch.randn(1, 2, 4)
    with pytest.raises(ArgumentError, match="two names or more"):
        ffn_dependency_matrix(network, ["0"], x)
    with pytest.raises(ArgumentError, match="two names or more"):
        ffn_dependency_matrix(network, ["0", "7"], x)
    with pytest.raises(ShapeError, match="shape they keep"):
        ffn_dependency_matrix(network, ["0", "1"], x)
    with pytest.raises(ArgumentError, match="order in which they run"):
        ffn_dependency_matrix(network, ["2", "0"], x)
    shared = nn.Conv1d(2, 2, 1)
    with pytest.raises(ArgumentError, match="a second time"):
        ffn_dependency_matrix(nn.Sequential(shared, nn.Conv1d(2, 2, 1), shared), ["0", "1"], x)
    assert not any(module._forward_hooks for module in network.modules())
