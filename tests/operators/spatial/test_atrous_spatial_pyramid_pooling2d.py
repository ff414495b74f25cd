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


def test_without_hidden_layers_it_is_linear():
    torch.manual_seed(0)
    module = AtrousSpatialPyramidPooling2d(3, 2, (1, 2), dtype=torch.float64)
    x, z = torch.randn(2, 1, 3, 7, 6, dtype=torch.float64)
    nothing = module(torch.zeros_like(x))
    assert_close(module(2 * x - 3 * z), 2 * module(x) - 3 * module(z) + 2 * nothing, 1e-12)


def test_over_vgg_each_rate_has_a_classifier_of_three_layers_and_their_scores_add_up():
    torch.manual_seed(0)
    module = AtrousSpatialPyramidPooling2d(3, 2, (2, 4), hidden=5, dtype=torch.float64).eval()
    x, y = torch.randn(2, 3, 9, 8, dtype=torch.float64), 0
    for branch, rate in zip(module.branches, (2, 4)):
        near, inner, scores = (layer for layer in branch if list(layer.parameters()))
        hidden = F.conv2d(x, near.weight, near.bias, padding=rate, dilation=rate).relu()
        hidden = F.conv2d(hidden, inner.weight, inner.bias).relu()
        y = y + F.conv2d(hidden, scores.weight, scores.bias)
    assert_close(module(x), y, 1e-12)


def test_over_vgg_half_of_the_hidden_values_are_dropped_while_it_learns():
    torch.manual_seed(0)
    module, x = AtrousSpatialPyramidPooling2d(3, 2, hidden=64), torch.randn(2, 3, 9, 8)
    assert not torch.equal(module(x), module(x))
    kept, dropped = ((module.branches[0][:depth](x) == 0).float().mean() for depth in (2, 3))
    assert 0.2 < dropped - kept < 0.3  # half of those that are not zero already
    module.eval()
    assert torch.equal(module(x), module(x))


def test_over_vgg_it_has_the_published_widths():
    """Four classifiers of 3 x 3 x 512 x 1024, 1024 x 1024 and 1024 x 21, and their biases."""
    with torch.device("meta"):
        module = AtrousSpatialPyramidPooling2d(512, 21, hidden=1024)
        assert module(torch.empty(1, 512, 41, 41)).shape == (1, 21, 41, 41)
    each = 9 * 512 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 * 21 + 21
    assert sum(parameter.numel() for parameter in module.parameters()) == 4 * each


def test_over_vgg_scores_start_near_zero_and_hidden_layers_do_not():
    torch.manual_seed(0)
    module = AtrousSpatialPyramidPooling2d(16, 8, hidden=256)
    near, inner, scores = (layer for layer in module.branches[0] if list(layer.parameters()))
    assert 0.009 < scores.weight.std() < 0.011
    assert 0.9 < 12 * near.weight.abs().max() <= 1  # sqrt(9 * 16) weights to a sum
    assert 0.9 < 16 * inner.weight.abs().max() <= 1
    assert all(not layer.bias.any() for layer in (near, inner, scores))
