"""The alignment loss is zero for what agrees, and trains features towards it."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.train.feature_alignment import FeatureAlignmentLoss


def test_it_is_zero_for_identical_features_and_for_an_offset_of_all_channels():
    features = torch.randn(2, 6, 5, 4, dtype=torch.float64)
    loss = FeatureAlignmentLoss(adapter=nn.Identity())
    assert loss(features, features).abs() < 1e-15
    assert loss(features, features + 3).abs() < 1e-15
    assert loss(features, features.flip(1)) > 1e-3


def test_it_is_the_divergence_written_out():
    features, target = torch.randn(2, 2, 3, 5, 4, dtype=torch.float64).unbind(0)
    p, q = target.softmax(1), features.softmax(1)
    expected = (p * (p.log() - q.log())).mean()
    assert_close(FeatureAlignmentLoss(adapter=nn.Identity())(features, target), expected)


def test_the_target_is_resized_and_gets_no_gradient_but_features_and_adapter_do():
    torch.manual_seed(0)
    loss = FeatureAlignmentLoss(4, 7)
    features = torch.randn(2, 4, 6, 6, requires_grad=True)
    target = torch.randn(2, 7, 9, 12, requires_grad=True)
    loss(features, target).backward()
    assert target.grad is None
    assert features.grad.abs().max() > 0
    assert all(parameter.grad.abs().max() > 0 for parameter in loss.parameters())


def test_the_adapter_is_a_network_of_three_layers_with_the_published_sizes():
    with torch.device("meta"):
        loss = FeatureAlignmentLoss()
    shapes = [tuple(layer.weight.shape) for layer in loss.adapter if isinstance(layer, nn.Linear)]
    assert shapes == [(1536, 1280), (1536, 1536), (1536, 1536)]


def test_descending_it_brings_features_to_the_target():
    torch.manual_seed(0)
    target = 2 * torch.randn(1, 8, 4, 4)
    features = nn.Parameter(torch.randn(1, 8, 4, 4))
    loss = FeatureAlignmentLoss(adapter=nn.Identity())
    optimiser = torch.optim.Adam([features], 0.1)
    first = loss(features, target).item()
    for _ in range(200):
        optimiser.zero_grad()
        loss(features, target).backward()
        optimiser.step()
    assert loss(features, target).item() < 0.01 * first


def test_targets_of_other_channels_are_refused():
    with pytest.raises(ShapeError, match="D = 7"):
        FeatureAlignmentLoss(4, 7)(torch.randn(1, 4, 3, 3), torch.randn(1, 8, 3, 3))
