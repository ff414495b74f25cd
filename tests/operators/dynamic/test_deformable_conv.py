"""Deformable convolution: as torch's convolution where nothing moves, as torch's sampler where taps do."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.functional import deformable_conv
from circulant.operators.dynamic.deformable_conv import BY_NDIM, DeformableConv2d

SPATIAL = {1: (9,), 2: (6, 7), 3: (4, 5, 3)}
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
SETTINGS = (
    {"stride": 1, "padding": 1, "dilation": 1},
    {"stride": 2, "padding": 0, "dilation": 1},
    {"stride": 2, "padding": 2, "dilation": 2},
    {"stride": 1, "padding": 3, "dilation": 1},
)


def drawn(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def moved(x, weight, settings, offset_groups, spread=1.5):
    """Offsets and a mask that fit, in torchvision's layout."""
    out = CONV[x.ndim - 2](x, weight, groups=x.shape[1] // weight.shape[1], **settings).shape[2:]
    rows = offset_groups * weight[0, 0].numel()
    return spread * drawn(len(x), rows * (x.ndim - 2), *out, seed=5), drawn(len(x), rows, *out, seed=6)


def by_grid_sample(x, offset, mask, weight, stride, padding, dilation):
    """Pictures, one tap after the other by torch's own bilinear sampler."""
    (B, C, H, W), (_, I, kh, kw) = x.shape, weight.shape
    out, groups = offset.shape[2:], offset.shape[1] // (2 * kh * kw)
    flat, samples = x.reshape(B * groups, -1, H, W), []
    for m, (i, j) in enumerate(product(range(kh), range(kw))):
        down, right = offset.view(B, groups, kh * kw, 2, *out)[:, :, m].unbind(2)
        row = down + (torch.arange(out[0]) * stride - padding + dilation * i)[:, None]
        column = right + torch.arange(out[1]) * stride - padding + dilation * j
        grid = torch.stack([(2 * column + 1) / W - 1, (2 * row + 1) / H - 1], -1).flatten(0, 1)
        share = mask.view(B, groups, kh * kw, *out)[:, :, m, None]
        samples.append(F.grid_sample(flat, grid, align_corners=False).view(B, groups, -1, *out) * share)
    columns = torch.stack(samples, 3).view(B, C // I, I, kh * kw, *out)
    return torch.einsum("goim,bgimhw->bgohw", weight.view(C // I, -1, I, kh * kw), columns).flatten(1, 2)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize(("groups", "offset_groups"), [(1, 1), (2, 1), (1, 4), (4, 2)])
def test_it_equals_the_bilinear_samples_times_the_weight_with_all_gradients(settings, groups, offset_groups):
    x, weight = drawn(2, 4, 6, 7), drawn(8, 4 // groups, 3, 2, seed=1)
    leaves = [x, *moved(x, weight, settings, offset_groups), weight]
    for leaf in leaves:
        leaf.requires_grad_()
    got, expected = deformable_conv(*leaves, **settings), by_grid_sample(*leaves, **settings)
    assert_close(got, expected)
    cotangent = torch.randn_like(got)
    pairs = zip(torch.autograd.grad(got, leaves, cotangent), torch.autograd.grad(expected, leaves, cotangent))
    for one, other in pairs:
        assert_close(one, other)


@pytest.mark.parametrize("ndim", BY_NDIM)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_undisplaced_it_is_an_ordinary_convolution(ndim, settings, groups):
    x, weight = drawn(2, 4, *SPATIAL[ndim]), drawn(4, 4 // groups, *(3, 2, 2)[:ndim], seed=1)
    expected = CONV[ndim](x, weight, groups=groups, **settings)
    offset, mask = (torch.zeros_like(move) for move in moved(x, weight, settings, 2))
    assert_close(deformable_conv(x, offset, None, weight, **settings), expected)
    assert_close(deformable_conv(x, offset, mask + 0.5, weight, **settings), expected / 2)


@pytest.mark.parametrize("ndim", BY_NDIM)
def test_a_whole_offset_of_all_taps_is_a_shift_of_the_input(ndim):
    x, weight = drawn(1, 2, *SPATIAL[ndim]), drawn(3, 2, *(3,) * ndim, seed=1)
    offset = torch.zeros(1, 3**ndim * ndim, *SPATIAL[ndim], dtype=torch.float64)
    offset[:, 0::ndim] = 1  # along the first axis
    later = F.pad(x[:, :, 1:], (0, 0) * (ndim - 1) + (0, 1))
    expected = CONV[ndim](F.pad(later, (1, 1) * ndim), weight)
    got = deformable_conv(x, offset, None, weight, padding=1)
    assert_close(got[:, :, 1:], expected[:, :, 1:])


@pytest.mark.parametrize("ndim", BY_NDIM)
@pytest.mark.parametrize("far", [100.0, -100.0, 1e9, -1e30])
def test_taps_far_outside_read_zeros_and_move_nothing(ndim, far):
    x, weight = drawn(1, 2, *SPATIAL[ndim]).requires_grad_(), drawn(2, 2, *(3,) * ndim)
    offset = torch.full((1, 3**ndim * ndim, *SPATIAL[ndim]), far, dtype=torch.float64, requires_grad=True)
    y = deformable_conv(x, offset, None, weight, drawn(2), padding=1)
    assert torch.equal(y, drawn(2).view(-1, *(1,) * ndim).expand_as(y))
    y.sum().backward()
    assert not x.grad.any()
    assert not offset.grad.any()


def test_second_derivatives_are_exact_for_offsets_masks_and_weights():
    settings = {"stride": 2, "padding": 1, "dilation": 1}
    x, weight = drawn(1, 2, 4, 3), drawn(2, 1, 2, 2)
    leaves = [leaf.detach().requires_grad_() for leaf in (x, *moved(x, weight, settings, 2), weight)]
    assert torch.autograd.gradgradcheck(
        lambda *own: deformable_conv(*own, **settings), leaves, fast_mode=True
    )


@pytest.mark.parametrize("ndim", BY_NDIM)
def test_an_empty_batch_has_empty_results_and_gradients(ndim):
    module, x = BY_NDIM[ndim](4, 2, 3, 2, 1, offset_groups=2), torch.zeros(0, 4, *SPATIAL[ndim])
    y = module(x.requires_grad_())
    y.sum().backward()
    assert y.shape == (0, 2, *((n + 1) // 2 for n in SPATIAL[ndim]))
    assert x.grad.shape == x.shape


@pytest.mark.parametrize("ndim", BY_NDIM)
def test_the_first_form_made_from_a_convolution_is_the_same_function(ndim):
    layer = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[ndim]
    conv = layer(4, 6, 3, 2, 1, groups=2, dtype=torch.float64)
    new = BY_NDIM[ndim].from_conv(conv, offset_groups=4)
    x = drawn(2, 4, *SPATIAL[ndim])
    assert_close(new(x), conv(x))
    assert_close(new(x[0]), conv(x[0]))


def test_rows_are_in_the_order_of_groups_taps_axes_and_then_the_masks():
    module = DeformableConv2d(2, 2, 3, padding=1, offset_groups=2, dtype=torch.float64)
    with torch.no_grad():
        module.offset_bias.copy_(drawn(54))
    offset = module.offset_bias[:36].view(1, -1, 1, 1).expand(1, -1, 5, 4)
    mask = module.offset_bias[36:].sigmoid().view(1, -1, 1, 1).expand(1, -1, 5, 4)
    x = drawn(1, 2, 5, 4)
    assert_close(module(x), deformable_conv(x, offset, mask, module.weight, module.bias, padding=1))


def test_offsets_are_learnt_in_half_precision_too():
    module = DeformableConv2d(4, 4, 3, padding=1).bfloat16()
    x = torch.randn(2, 4, 8, 8, dtype=torch.bfloat16)
    module(x).float().pow(2).sum().backward()
    assert module.offset_weight.grad.isfinite().all()
    assert module.offset_weight.grad.any()


def test_operands_that_do_not_fit_are_refused():
    x, weight = drawn(2, 4, 5, 6), drawn(2, 4, 3, 3)
    offset, mask = moved(x, weight, {"padding": 1}, 2)
    with pytest.raises(ShapeError, match=r"expected offset .* = \(2, 36, 5, 6\)"):
        deformable_conv(x, offset[..., 1:], mask, weight, padding=1)
    with pytest.raises(ShapeError, match=r"expected mask .* = \(2, 18, 5, 6\)"):
        deformable_conv(x, offset, mask[:, 1:], weight, padding=1)
    with pytest.raises(ShapeError, match="groups that divide I = 4"):
        deformable_conv(x, offset, mask, weight[:, :3], padding=1)
    with pytest.raises(ShapeError, match="fits the padded input"):
        deformable_conv(x[..., :2], offset, mask, weight)
    with pytest.raises(ShapeError, match="a weight of as many"):
        deformable_conv(x[0], offset, mask, weight)
