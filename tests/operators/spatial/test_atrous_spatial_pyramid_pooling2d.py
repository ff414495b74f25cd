"""Branches of the pyramid add up, and start as published."""

import torch
import torch.nn.functional as F

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.atrous_spatial_pyramid_pooling2d import RATES, AtrousSpatialPyramidPooling2d


def test_it_is_the_sum_of_four_dilated_convolutions():
    torch.manual_seed(0)
    module = AtrousSpatialPyramidPooling2d(3, 2, dtype=torch.float64)
    x = torch.randn(1, 3, 30, 28, dtype=torch.float64)
    y = sum(
        F.conv2d(x, branch.weight, branch.bias, padding=rate, dilation=rate)
        for branch, rate in zip(module.branches, RATES)
    )
    assert len(module.branches) == 4
    assert_close(module(x), y, 1e-12)


def test_weights_start_near_zero_and_biases_at_zero():
    torch.manual_seed(0)
    module = AtrousSpatialPyramidPooling2d(64, 8)
    weights = torch.cat([branch.weight.flatten() for branch in module.branches])
    assert 0.0095 < weights.std() < 0.0105
    assert all(not branch.bias.any() for branch in module.branches)
