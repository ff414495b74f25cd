"""Convolutions get fewer parameters, where they do."""

import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.one_way_conv import OneWayConv2d, OneWayConv3d
from circulant.optimise.decompose_conv import decompose_conv


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 8, 5, padding=2), nn.Tanh(), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 4, 3, padding=1)
    ).double()


def test_layers_are_decomposed_where_that_saves_parameters():
    model = network()
    rewrite = decompose_conv(model, rank=2)
    assert [each.name for each in rewrite.replaced] == ["0"]
    assert isinstance(model[0], OneWayConv2d)
    assert model[0].factors[0].shape == (8, 2, 2, 5)
    assert [each.name for each in decompose_conv(network(), rank=1).replaced] == ["0", "3"]


def test_kernels_of_that_rank_are_kept_exactly_and_undo_restores():
    model, x = network(), torch.randn(2, 2, 9, 9, dtype=torch.float64)
    with torch.no_grad():
        columns, rows = torch.randn(2, 8, 2, 2, 5, dtype=torch.float64)
        model[0].weight.copy_(columns.mT @ rows)
    expected = model(x)
    rewrite = decompose_conv(model, rank=2)
    assert_close(model(x), expected, 1e-10)
    rewrite.undo()
    assert torch.equal(model(x), expected)


def test_three_dimensions_are_decomposed_too():
    model = nn.Sequential(nn.Conv3d(1, 2, 3))
    decompose_conv(model, rank=2)
    assert isinstance(model[0], OneWayConv3d)
