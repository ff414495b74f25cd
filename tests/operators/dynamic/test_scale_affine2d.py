"""The scale affine layer."""

import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.operators.dynamic.scale_affine2d import ScaleAffine2d


def test_where_nothing_is_told_x_stays():
    module, x = ScaleAffine2d(3), torch.randn(2, 3, 4, 5)
    nn.init.zeros_(module.tell[2].weight)
    nn.init.zeros_(module.tell[2].bias)
    assert torch.equal(module(x), x)


def test_the_first_half_of_what_is_told_scales_and_the_second_moves():
    module, x = ScaleAffine2d(2), torch.randn(2, 2, 4, 5)
    nn.init.zeros_(module.tell[2].weight)
    told = torch.tensor([1.0, -1.0, 0.5, 3.0])
    with torch.no_grad():
        module.tell[2].bias.copy_(told)
    scale, move = told.view(2, 2, 1, 1)
    assert_close(module(x), x * (1 + scale) + move, 1e-6)


def test_parameters_are_those_of_two_1x1_convolutions():
    module = ScaleAffine2d(16, device="meta")
    assert sum(parameter.numel() for parameter in module.parameters()) == 3 * 16 * 16 + 3 * 16
