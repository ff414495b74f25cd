"""Spatial bottleneck: three torch layers in a row, and a mix that costs a stride^2-th."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.spatial_bottleneck_conv2d import SpatialBottleneckConv2d


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_where_the_stride_divides_the_grid_it_is_three_layers_of_torch(stride):
    layer = SpatialBottleneckConv2d(4, 6, stride, dtype=torch.float64)
    x = torch.randn(2, 4, 12, 6, dtype=torch.float64)
    coarse = F.conv2d(x, layer.down, stride=stride, groups=4)
    mixed = F.conv2d(coarse, layer.mix.weight)
    assert_close(layer(x), F.conv_transpose2d(mixed, layer.up, layer.bias, stride=stride, groups=6), 1e-12)


def test_patches_that_copy_their_first_sample_make_it_nearest_neighbour_interpolation():
    layer = SpatialBottleneckConv2d(3, 3, 2, bias=False, dtype=torch.float64)
    nn.init.zeros_(layer.down)
    nn.init.ones_(layer.up)
    with torch.no_grad():
        layer.down[:, 0, 0, 0] = 1
        layer.mix.weight.copy_(torch.eye(3)[..., None, None])
    x = torch.randn(1, 3, 5, 6, dtype=torch.float64)
    expected = F.interpolate(x[..., ::2, ::2], scale_factor=2)[..., :5, :6]
    assert_close(layer(x), expected, 1e-14)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_multiply_adds_are_the_closed_formula(stride):
    I, O, H, W = 32, 48, 16, 24
    layer = SpatialBottleneckConv2d(I, O, stride, device="meta")
    positions = (H // stride) * (W // stride)
    depthwise = positions * stride**2 * (I + O)
    assert layer.cost((1, I, H, W)).flop == 2 * (depthwise + H * W * I * O / stride**2)


def test_overlapping_patches_keep_a_picture_of_any_size():
    layer = SpatialBottleneckConv2d(2, 3, 3, 5)
    for size in ((1, 1), (2, 7), (9, 10), (11, 3)):
        assert layer(torch.randn(2, 2, *size)).shape == (2, 3, *size)
