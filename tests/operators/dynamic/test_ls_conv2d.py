"""Large-small convolution: its aggregation against unfolded windows, its supports, and digits."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.ls_net import LSDesign, LSNet
from circulant.operators.dynamic.ls_conv2d import LSConv2d
from circulant.operators.dynamic.small_kernel_aggregation import small_kernel_aggregation
from circulant.train.fit import fit
from circulant.train.predict import predict

B, C, S, K, H, W = 2, 8, 2, 3, 6, 7


def operands(height: int = H, width: int = W, channels: int = C) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(B, channels, height, width, dtype=torch.float64, generator=generator)
    w = torch.randn(B, S, K * K, height, width, dtype=torch.float64, generator=generator)
    return x.requires_grad_(), w.requires_grad_()


def test_aggregation_equals_unfolded_windows_in_value_and_gradients():
    x, w = operands()
    windows = F.unfold(x, K, padding=1).view(B, C // S, S, K * K, H, W)
    expected = torch.einsum("bsqhw,bgsqhw->bgshw", w, windows).flatten(1, 2)
    y = small_kernel_aggregation(x, w)
    assert_close(y, expected)
    cotangent = torch.randn_like(y)
    found, wanted = (torch.autograd.grad(out, (x, w), cotangent) for out in (y, expected))
    for got, want in zip(found, wanted):
        assert_close(got, want)


def test_aggregation_has_right_first_and_second_derivatives():
    leaves = operands(2, 3, 4)
    assert torch.autograd.gradcheck(small_kernel_aggregation, leaves)
    assert torch.autograd.gradgradcheck(small_kernel_aggregation, leaves)


@pytest.mark.parametrize(("tap", "down", "right"), [(4, 0, 0), (0, -1, -1), (5, 0, 1), (7, 1, 0)])
def test_one_hot_kernels_shift_the_picture_exactly(tap, down, right):
    x, w = operands()
    one_hot = torch.zeros_like(w)
    one_hot[:, :, tap] = 1
    expected = F.pad(x, (1, 1, 1, 1))[..., 1 + down : 1 + down + H, 1 + right : 1 + right + W]
    assert torch.equal(small_kernel_aggregation(x, one_hot), expected)


def test_channels_that_share_a_kernel_are_interleaved():
    x, w = operands()
    with torch.no_grad():
        w.zero_()
        w[:, 1, 4] = 1
    y = small_kernel_aggregation(x, w)
    assert y[:, 0::2].abs().max() == 0
    assert torch.equal(y[:, 1::2], x[:, 1::2])


@pytest.mark.parametrize("shape", [(B, 3, 9, H, W), (B, S, 8, H, W), (B, S, 4, H, W), (B, S, 9)])
def test_kernels_that_do_not_fit_are_refused(shape):
    with pytest.raises(ShapeError, match="expected"):
        small_kernel_aggregation(operands()[0], torch.zeros(shape, dtype=torch.float64))


def seen_from_the_middle(function, side: int) -> torch.Tensor:
    """Where x moves function(x) in the middle of a square picture, as the sides of the square seen."""
    x = torch.randn(1, C, side, side, dtype=torch.float64).requires_grad_()
    slope = torch.randn_like(function(x))[..., side // 2, side // 2]
    (gradient,) = torch.autograd.grad((function(x)[..., side // 2, side // 2] * slope).sum(), x)
    places = gradient.abs().amax((0, 1)).nonzero()
    return (places.amax(0) - places.amin(0) + 1).tolist()


def test_focus_sees_three_samples_view_seven_and_the_norm_everything():
    torch.manual_seed(0)
    module = LSConv2d(C, group_channels=4).double().eval()
    side = 13
    w = torch.randn(1, S, K * K, side, side, dtype=torch.float64)
    assert seen_from_the_middle(lambda x: small_kernel_aggregation(x, w), side) == [3, 3]
    assert seen_from_the_middle(module.perception.logits, side) == [7, 7]
    assert seen_from_the_middle(module.perception, side) == [side, side]


def test_without_a_branch_the_picture_passes():
    module = LSConv2d(C).double()
    nn.init.zeros_(module.norm.weight)
    x = operands()[0]
    assert torch.equal(module(x), x)


@pytest.mark.slow
def test_a_small_network_reads_digits():
    digits = mnist_5k(0)
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Upsample(scale_factor=2), LSNet(LSDesign((32, 48, 64, 96), (2, 2, 2, 2)), 10, 1, size=56)
    )
    fit(network, torch.from_numpy(digits.train.x), torch.from_numpy(digits.train.y), steps=300)
    right = predict(network, torch.from_numpy(digits.test.x)) == torch.from_numpy(digits.test.y)
    accuracy = right.double().mean().item()
    print(f"LSNet on digits: {accuracy:.3f}")
    assert accuracy > 0.9
