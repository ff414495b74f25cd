"""Two branches, one gate for both, and a way around them."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.efficient_visual_state_space2d import EfficientVisualStateSpace2d


def built():
    torch.manual_seed(0)
    return EfficientVisualStateSpace2d(8, 2, dtype=torch.float64).eval()


def test_without_its_branches_the_block_is_the_identity():
    module = built()
    with torch.no_grad():
        module.scan.project_out.weight.zero_()
        module.pointwise.weight.zero_()
        module.pointwise.bias.zero_()
    x = torch.randn(2, 8, 5, 4, dtype=torch.float64)
    assert torch.equal(module(x), x)


def test_both_branches_pass_through_the_same_gate():
    module = built()
    x = torch.randn(2, 8, 5, 4, dtype=torch.float64)
    normed = nn.functional.layer_norm(x.movedim(1, -1), (8,)).movedim(-1, 1)
    local = nn.functional.conv2d(normed, module.conv.weight, module.conv.bias, padding=1, groups=8)
    local = nn.functional.gelu(local / (1 + 1e-5) ** 0.5)
    local = nn.functional.conv2d(local, module.pointwise.weight[..., None, None], module.pointwise.bias)

    def gated(branch):
        mean = nn.functional.layer_norm(branch.movedim(1, -1), (8,)).mean((1, 2))
        gate = module.expand(nn.functional.gelu(module.reduce(mean))).sigmoid()
        return branch * gate[..., None, None]

    assert_close(module(x), x + gated(module.scan(normed)) + gated(local))


def test_the_gate_is_an_eighth_as_wide():
    assert EfficientVisualStateSpace2d(96).reduce.out_features == 12


def test_a_reduction_wider_than_the_channels_is_refused():
    with pytest.raises(ArgumentError, match="reduction from 1 to channels = 4"):
        EfficientVisualStateSpace2d(4)
