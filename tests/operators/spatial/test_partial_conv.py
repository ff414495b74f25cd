"""Partial convolution: the dense kernel it embeds, its two forms, and a fraction of the work."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.partial_conv import (
    BY_NDIM,
    PartialConv1d,
    PartialConv2d,
    PartialConv3d,
    PartialForm,
)

DENSE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
SPATIAL = {1: (17,), 2: (9, 7), 3: (4, 5, 6)}


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("form", PartialForm)
@pytest.mark.parametrize(("size", "divisor"), [(3, 4), (5, 3), (3, 1)])
def test_equals_a_dense_convolution_with_a_block_of_the_kernel_and_an_identity(ndim, form, size, divisor):
    torch.manual_seed(0)
    C, c = 10, 10 // divisor
    module = BY_NDIM[ndim](C, size, divisor, form=form, dtype=torch.float64)
    x = torch.randn(2, C, *SPATIAL[ndim], dtype=torch.float64)
    kernel = torch.zeros(C, C, *(size,) * ndim, dtype=torch.float64)
    kernel[:c, :c] = module.weight.detach()
    for channel in range(c, C):
        kernel[(channel, channel, *(size // 2,) * ndim)] = 1
    expected = DENSE[ndim](x, kernel, padding=size // 2)
    assert (module(x) - expected).abs().max() < 1e-12
    assert (module.to_conv()(x) - expected).abs().max() < 1e-12


@pytest.mark.parametrize("kind", [PartialConv1d, PartialConv2d, PartialConv3d])
def test_slicing_and_concatenation_agree_in_value_and_gradients_and_leave_the_input(kind):
    torch.manual_seed(0)
    joined = kind(8, dtype=torch.float64)
    sliced = kind(8, form=PartialForm.SLICE, dtype=torch.float64)
    sliced.load_state_dict(joined.state_dict())
    x = torch.randn(2, 8, *SPATIAL[kind.ndims[0]], dtype=torch.float64, requires_grad=True)
    before = x.detach().clone()
    ys = [module(x) for module in (joined, sliced)]
    assert torch.equal(*ys)
    assert torch.equal(x, before)
    cotangent = torch.randn_like(x)
    first, second = (
        torch.autograd.grad(y, (x, module.weight), cotangent) for y, module in zip(ys, (joined, sliced))
    )
    for one, other in zip(first, second):
        assert_close(one, other)


def test_the_channels_behind_pass_bit_by_bit():
    x = torch.randn(2, 16, 5, 5)
    for form in PartialForm:
        assert torch.equal(PartialConv2d(16, form=form)(x)[:, 4:], x[:, 4:])


def test_arithmetic_is_a_sixteenth_and_traffic_a_quarter_of_a_dense_convolution():
    C, H, W = 64, 56, 56
    partial, dense = PartialConv2d(C).cost((1, C, H, W)), PartialConv2d(C, divisor=1).cost((1, C, H, W))
    assert partial.flop == dense.flop / 16
    feature_maps = 4 * H * W * 2 * (C // 4)  # of float32, read and written
    assert partial.byte == feature_maps + 4 * 9 * (C // 4) ** 2
    assert partial.byte == pytest.approx(dense.byte / 4, rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "words"), [((8, 2), "odd kernel_size"), ((8, 3, 9), "divisor"), ((8, 3, 0), "divisor")]
)
def test_settings_that_leave_no_channel_or_no_centre_are_refused(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        PartialConv2d(*arguments)
