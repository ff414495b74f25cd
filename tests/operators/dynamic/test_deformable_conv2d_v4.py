"""Deformable convolution, fourth form: against a loop over positions, and in the cases where it is known."""

from math import floor

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.operators.dynamic.deformable_conv2d_v4 import DeformableConv2dV4

C, G, K, H, W = 4, 2, 3, 4, 5


def operator(**settings) -> DeformableConv2dV4:
    """In float64, every parameter random: places spread over the picture and beyond."""
    torch.manual_seed(0)
    module = DeformableConv2dV4(C, K, groups=G, dtype=torch.float64, **settings)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.7)
    return module


def plain(**settings) -> DeformableConv2dV4:
    """Values and outputs are the features; the numbers of the sampling layer are its bias."""
    module = DeformableConv2dV4(C, K, groups=G, dtype=torch.float64, **settings)
    for layer in (module.value, module.output):
        nn.init.eye_(layer.weight)
    return module


def picture() -> torch.Tensor:
    return torch.randn(2, C, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def deformed(v: torch.Tensor, offset: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """v (B, C, H, W), offset (B, G, 9, 2, H, W) as y, x and mask (B, G, 9, H, W), taps row by row."""
    y = []
    for b in range(len(v)):
        for c in range(C):
            for p in range(H * W):
                g, h, w = c // (C // G), p // W, p % W
                total = v.new_zeros(())
                for k in range(K * K):
                    down = h + k // K - 1 + offset[b, g, k, 0, h, w]
                    right = w + k % K - 1 + offset[b, g, k, 1, h, w]
                    top, left = floor(down.item()), floor(right.item())
                    for i in (top, top + 1):
                        for j in (left, left + 1):
                            if 0 <= i < H and 0 <= j < W:
                                nearness = (1 - (down - i).abs()) * (1 - (right - j).abs())
                                total = total + mask[b, g, k, h, w] * nearness * v[b, c, i, j]
                y.append(total)
    return torch.stack(y).reshape(v.shape)


def test_equals_a_deformable_convolution_with_unit_weights_in_value_and_gradients():
    module, x = operator(), picture().requires_grad_()
    leaves = [x, *module.parameters()]
    rows = module.sampling(x.movedim(1, -1))
    offset, mask = x.new_zeros(2, G, K * K, 2, H, W), x.new_zeros(2, G, K * K, H, W)
    for g in range(G):
        for right in range(K):
            for down in range(K):
                column_major, row_major, start = K * right + down, K * down + right, 27 * g
                offset[:, g, row_major, 1] = rows[..., start + 2 * column_major]
                offset[:, g, row_major, 0] = rows[..., start + 2 * column_major + 1]
                mask[:, g, row_major] = rows[..., start + 18 + column_major]
    v = module.value(x.movedim(1, -1)).movedim(-1, 1)
    expected = module.output(deformed(v, offset, mask).movedim(1, -1)).movedim(-1, 1)
    got, cotangent = module(x), torch.randn(2, C, H, W, dtype=torch.float64)
    assert_close(got, expected)
    pairs = zip(torch.autograd.grad(got, leaves, cotangent), torch.autograd.grad(expected, leaves, cotangent))
    for one, other in pairs:
        assert_close(one, other)


def test_undisplaced_taps_of_constant_weight_are_a_depthwise_convolution_shared_by_each_group():
    module, x = plain(), picture()
    weights = torch.randn(G, K, K, dtype=torch.float64)  # row by row
    with torch.no_grad():
        for g in range(G):
            module.sampling.bias[27 * g + 18 : 27 * (g + 1)] = weights[g].T.flatten()
    shared = weights[:, None].repeat_interleave(C // G, dim=0)
    assert_close(module(x), F.conv2d(x, shared, padding=1, groups=C))


@pytest.mark.parametrize("settings", [{}, {"depthwise_kernel": 5}, {"dilation": 2, "offset_scale": 2.0}])
def test_at_first_the_output_is_the_bias_of_the_projection(settings):
    torch.manual_seed(0)
    module = DeformableConv2dV4(C, K, groups=G, dtype=torch.float64, **settings)
    nn.init.normal_(module.output.bias)
    assert torch.equal(module(picture()), module.output.bias[:, None, None].expand(2, C, H, W))


def test_softmax_makes_the_third_form_whose_first_output_is_the_mean_over_the_grid():
    module, x = plain(softmax=True), picture()
    assert_close(module(x), F.avg_pool2d(x, 3, 1, 1, count_include_pad=True))


def test_softmax_weights_ignore_a_common_shift_and_free_ones_do_not():
    x = picture()
    for softmax in (True, False):
        module = operator(softmax=softmax)
        before = module(x)
        with torch.no_grad():
            for g in range(G):
                module.sampling.bias[27 * g + 18 : 27 * (g + 1)] += 3
        change = (module(x) - before).abs().max()
        assert change < 1e-10 if softmax else change > 0.1


@pytest.mark.parametrize(("scale", "moved"), [(1.0, 1), (2.0, 2)])
def test_an_offset_of_one_reads_one_sample_further_and_the_scale_stretches_it(scale, moved):
    module, x = plain(offset_scale=scale), picture()
    with torch.no_grad():
        for g in range(G):
            module.sampling.bias[27 * g + 2 * 4] = 1  # to the right, for the middle tap
            module.sampling.bias[27 * g + 18 + 4] = 1
    assert_close(module(x), F.pad(x, (0, moved))[..., moved:])


def test_the_scale_stretches_the_grid_itself():
    module, wide = plain(offset_scale=2.0), plain(dilation=2)
    with torch.no_grad():
        for layer in (module.sampling, wide.sampling):
            layer.bias.copy_(torch.arange(56) % 27 >= 18)
    assert_close(module(picture()), wide(picture()))


def test_the_centre_gate_moves_from_the_samples_to_the_value_in_place():
    module, x = plain(centre_gate=True), picture()
    assert_close(module(x), x / 2)  # nothing is sampled yet, and the gate is half open
    nn.init.constant_(module.centre.bias, 50.0)
    assert_close(module(x), x)


@pytest.mark.parametrize(("channels", "groups", "rows"), [(64, 4, 112), (96, 6, 168), (8, 1, 32)])
def test_sampling_layer_has_27_rows_for_each_group_rounded_up_to_a_multiple_of_8(channels, groups, rows):
    module = DeformableConv2dV4(channels, groups=groups, device="meta")
    assert module.sampling.out_features == rows


def test_rows_that_only_round_up_are_not_used():
    module = operator()
    module(picture()).sum().backward()
    used = module.sampling.weight.grad.abs().sum(1) > 0
    assert used.tolist() == [True] * 54 + [False] * 2


def test_places_far_from_the_corner_are_told_apart_in_bfloat16():
    module = DeformableConv2dV4(16, groups=1)
    nn.init.eye_(module.value.weight)
    nn.init.eye_(module.output.weight)
    with torch.no_grad():
        module.sampling.bias[2 * 4] = 0.5
        module.sampling.bias[18 + 4] = 1
    x = torch.randn(1, 16, 2, 200)
    expected = (x[..., :-1] + x[..., 1:]) / 2
    assert_close(module.bfloat16()(x.bfloat16())[..., :-1], expected)
