"""Masks are the true ones, and all branches are one kernel."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.edge_preserving_conv2d import EDGES, EdgePreservingConv2d

INSIDE = (..., slice(1, -1), slice(1, -1))


def mask_alone(number):
    module = EdgePreservingConv2d(2, dtype=torch.float64)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module.scale[number] = 1
    return module


def trained(module):
    """With scales that matter, as after training."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))
    return module


def test_the_merged_kernel_equals_all_branches():
    module = trained(EdgePreservingConv2d(3, dtype=torch.float64))
    x = torch.randn(2, 3, 7, 6, dtype=torch.float64)
    y = F.conv2d(x, module.weight, module.bias, padding=1, groups=3)
    for edge, scale, shift in zip(EDGES, module.scale, module.shift):
        mask = torch.tensor(edge, dtype=torch.float64).expand(3, 1, 3, 3)
        y = y + scale[:, None, None] * F.conv2d(x, mask, padding=1, groups=3) + shift[:, None, None]
    assert_close(module(x), y, 1e-12)
    assert_close(module.fuse()(x), y, 1e-12)


def test_merging_in_float32_changes_nothing_that_can_be_seen():
    module = trained(EdgePreservingConv2d(3))
    x = torch.randn(2, 3, 7, 6)
    assert_close(module.fuse()(x), module(x), 1e-6)


def test_a_merged_module_has_the_nine_taps_and_one_bias_of_each_channel():
    merged = EdgePreservingConv2d(5).fuse()
    assert {name: tuple(p.shape) for name, p in merged.named_parameters()} == {
        "weight": (5, 1, 3, 3),
        "bias": (5,),
    }
    EdgePreservingConv2d(5, merged=True).load_state_dict(merged.state_dict())


@pytest.mark.parametrize(("number", "along_x", "along_y"), [(0, -8, 0), (1, 0, -8), (2, 0, 0)])
def test_masks_answer_to_ramps_as_sobel_and_laplace(number, along_x, along_y):
    module = mask_alone(number)
    ramp = torch.arange(6.0, dtype=torch.float64)
    x_ramp, y_ramp = ramp.expand(1, 2, 6, 6), ramp[:, None].expand(1, 2, 6, 6)
    assert_close(module(x_ramp)[INSIDE], torch.full((1, 2, 4, 4), float(along_x), dtype=torch.float64), 1e-12)
    assert_close(module(y_ramp)[INSIDE], torch.full((1, 2, 4, 4), float(along_y), dtype=torch.float64), 1e-12)


def test_the_laplacian_of_a_square_is_two():
    x = (torch.arange(6.0, dtype=torch.float64) ** 2).expand(1, 2, 6, 6)
    assert_close(mask_alone(2)(x)[INSIDE], torch.full((1, 2, 4, 4), 2.0, dtype=torch.float64), 1e-12)
