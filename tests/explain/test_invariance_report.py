"""Classifiers that do not see a change, and one that sees nothing else."""

from math import isnan

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.data.mnist import mnist_5k
from circulant.explain.invariance_report import Change, changed, invariance_report


class Linear(nn.Module):
    """Circular convolution, the mean over all positions, and a linear map."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(1, 8, 5, padding=2, padding_mode="circular")
        self.classify = nn.Linear(8, 10)

    def forward(self, x):
        return self.classify(self.mix(x).mean((2, 3)))


class FirstPixel(nn.Module):
    def forward(self, x):
        return torch.stack([x[:, 0, 0, 0], 0.5 - x[:, 0, 0, 0]], 1)


def rows(report, change):
    return {row.amount: row for row in report.rows if row.change is change}


def test_a_linear_model_with_a_global_mean_is_consistent_under_circular_shifts():
    torch.manual_seed(0)
    test = mnist_5k(0).test
    x, labels = torch.from_numpy(test.x).double(), torch.from_numpy(test.y)
    network = Linear().double()
    report = invariance_report(network, x, labels, shifts=(1, 5, 13))
    assert [row.consistency for row in rows(report, Change.SHIFT).values()] == [1.0] * 3
    right = float((network(x).argmax(1) == labels).double().mean())
    assert rows(report, Change.SHIFT)[5.0].accuracy == pytest.approx(right)
    assert network.training


def test_consistency_is_the_share_of_unchanged_answers_over_all_eight_directions():
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 0, 0] = 1
    x[0, 0, 2, 2] = 1  # comes to the corner in one direction of eight
    report = invariance_report(FirstPixel(), x, shifts=(2,), degrees=(), magnifications=())
    (row,) = report.rows
    assert row.consistency == 1 / 8
    assert isnan(row.accuracy)
    assert "same 12.5%" in str(report)


def test_a_quarter_turn_and_a_magnification_move_pixels_as_they_should():
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    turned = changed(x, Change.ROTATION, 90)
    quarter = [torch.rot90(x, times, (2, 3)) for times in (1, 3)]
    assert any(torch.allclose(turned[0], y) for y in quarter)
    assert any(torch.allclose(turned[1], y) for y in quarter)
    assert not torch.allclose(turned[0], turned[1])
    inner = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    inner[:, :, 3:5, 3:5] = 1
    (larger,) = changed(inner, Change.MAGNIFICATION, 2.0)
    assert larger.sum() == pytest.approx(4 * inner.sum())


def test_a_turn_keeps_shapes_in_pictures_that_are_not_square():
    x = torch.zeros(1, 1, 21, 41, dtype=torch.float64)
    x[0, 0, 10, 15:26] = 1
    upright = changed(x, Change.ROTATION, 90)[0]
    torch.testing.assert_close(upright[0, 0, 5:16, 20], torch.ones(11).double())


def test_bad_arguments_are_refused():
    with pytest.raises(ShapeError, match="labels"):
        invariance_report(FirstPixel(), torch.zeros(2, 1, 4, 4), torch.zeros(3))
    with pytest.raises(ArgumentError, match="magnifications above 0"):
        invariance_report(FirstPixel(), torch.zeros(2, 1, 4, 4), magnifications=(0.0,))
