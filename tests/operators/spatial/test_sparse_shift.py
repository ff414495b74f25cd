"""Sparse shift: exactly a shift, with the slopes of an interpolated one."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.sparse_shift import EDGE, SparseShift1d, SparseShift2d, SparseShift3d


def placed(*displacements: tuple[float, float], reach: int = 2, rounded: bool = True) -> SparseShift2d:
    """A shift with one (down, right) for each channel."""
    shift = SparseShift2d(len(displacements), reach, rounded=rounded, dtype=torch.float64)
    with torch.no_grad():
        shift.displacement.copy_(torch.tensor(displacements).T)
    return shift


def sampled(x: torch.Tensor, displacement: torch.Tensor) -> torch.Tensor:
    """Each channel read at its displacement by torch's bilinear sampling, zero outside."""
    B, C, H, W = x.shape
    rows = torch.arange(H, dtype=x.dtype)[:, None] + displacement[0, :, None, None]
    columns = torch.arange(W, dtype=x.dtype) + displacement[1, :, None, None]
    rows, columns = (2 * rows / (H - 1) - 1).expand(C, H, W), (2 * columns / (W - 1) - 1).expand(C, H, W)
    grid = torch.stack((columns, rows), -1).repeat(B, 1, 1, 1)
    y = F.grid_sample(x.reshape(B * C, 1, H, W), grid, padding_mode="zeros", align_corners=True)
    return y.reshape(B, C, H, W)


@pytest.mark.parametrize("kind", [SparseShift1d, SparseShift2d, SparseShift3d])
@pytest.mark.parametrize("training", [True, False])
def test_it_is_the_depthwise_convolution_with_one_hot_kernels_exactly(kind, training):
    ndim = kind.ndims[0]
    shift = kind(6, 2).train(training).requires_grad_(training)
    nn.init.uniform_(shift.displacement, -2.4, 2.4)
    one_hot = torch.zeros(6, 1, *(5,) * ndim)
    for c, at in enumerate((shift.displacement.round() + 2).long().T.tolist()):
        one_hot[(c, 0, *at)] = 1
    x = torch.randn(2, 6, *(7,) * ndim)
    conv = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[ndim]
    assert torch.equal(shift(x), conv(x, one_hot, padding=2, groups=6))


def test_a_displacement_reads_further_down_and_right_and_zeros_come_in():
    x = torch.arange(1.0, 10.0, dtype=torch.float64).reshape(1, 1, 3, 3).repeat(1, 2, 1, 1)
    y = placed((1.2, 0.4), (-0.3, -2.0))(x)
    assert y[0, 0].tolist() == [[4, 5, 6], [7, 8, 9], [0, 0, 0]]
    assert y[0, 1].tolist() == [[0, 0, 1], [0, 0, 4], [0, 0, 7]]


def test_unrounded_it_is_bilinear_sampling_with_zeros_around_and_so_are_its_derivatives():
    shift = placed((0.3, -1.6), (1.7, 0.2), (-0.9, -0.45), rounded=False)
    x = torch.randn(2, 3, 6, 5, dtype=torch.float64, requires_grad=True)
    displacement = shift.displacement.detach().clone().requires_grad_()
    seed = torch.randn(2, 3, 6, 5, dtype=torch.float64)
    assert_close(shift(x), sampled(x, displacement), 1e-12)
    got = torch.autograd.grad((shift(x) * seed).sum(), (x, shift.displacement))
    expected = torch.autograd.grad((sampled(x, displacement) * seed).sum(), (x, displacement))
    for one, other in zip(got, expected):
        assert_close(one, other, 1e-12)

    def shifted(x, displacement):
        return torch.func.functional_call(shift, {"displacement": displacement}, (x,))

    assert gradcheck(shifted, (x, displacement), fast_mode=True)
    assert gradgradcheck(shifted, (x, displacement), fast_mode=True)


def test_rounded_the_displacement_learns_from_the_interpolated_input_and_the_input_from_the_shift():
    places = ((0.3, -1.6), (1.7, 0.2))
    rounded, real = placed(*places), placed(*places, rounded=False)
    x = torch.randn(2, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    seed = torch.randn_like(x)
    at_x, at_displacement = torch.autograd.grad((rounded(x) * seed).sum(), (x, rounded.displacement))
    (slope,) = torch.autograd.grad((real(x) * seed).sum(), real.displacement)
    assert_close(at_displacement, slope, 1e-12)
    whole = placed((0, -2), (2, 0))
    assert_close(at_x, torch.autograd.grad((whole(x) * seed).sum(), x)[0], 1e-12)


def smooth(count: int, channels: int, side: int, seed: int) -> torch.Tensor:
    """Noise blurred by a Gaussian of three samples."""
    taps = torch.exp(-0.5 * (torch.arange(-9, 10) / 3.0) ** 2)
    noise = torch.randn(count * channels, 1, side, side, generator=torch.Generator().manual_seed(seed))
    blurred = F.conv2d(
        F.conv2d(noise, taps.view(1, 1, -1, 1), padding="same"), taps.view(1, 1, 1, -1), padding="same"
    )
    return (blurred / blurred.std()).reshape(count, channels, side, side)


def test_a_shift_by_two_samples_is_learnt_from_a_smooth_input():
    shift = SparseShift2d(1, 3)
    with torch.no_grad():
        shift.displacement.copy_(torch.tensor([[0.2], [-0.3]]))
    optimiser = torch.optim.Adam(shift.parameters(), lr=0.05)
    for step in range(120):
        x = smooth(4, 1, 20, step)
        loss = F.mse_loss(shift(x)[..., 3:-3, 3:-3], x.roll((-2, 1), (2, 3))[..., 3:-3, 3:-3])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        shift.clamp_parameters()
    assert shift.displacement.round().flatten().tolist() == [2, -1]
    assert loss.item() == 0


def test_the_penalty_leaves_channels_that_tell_nothing_where_they_are():
    torch.manual_seed(1)
    shift, read = SparseShift2d(8, 3), nn.Conv2d(8, 1, 1, bias=False)
    with torch.no_grad():
        shift.displacement[:, 1:] = 1.4 * shift.displacement[:, 1:].sign()
        read.weight.zero_()[0, 0] = 1  # the first channel alone is read
    optimiser = torch.optim.Adam(shift.parameters(), lr=0.05)
    assert not shift.unshifted()[1:].any()
    for step in range(120):
        x = smooth(2, 8, 20, step)
        error = read(shift(x)) - x[:, :1].roll((-2, 1), (2, 3))
        optimiser.zero_grad()
        (error[..., 3:-3, 3:-3].square().mean() + shift.penalty(1e-2)).backward()
        optimiser.step()
        shift.clamp_parameters()
    assert shift.unshifted().tolist() == [False] + [True] * 7
    assert shift.displacement[:, 0].round().tolist() == [2, -1]


def test_the_penalty_is_the_sum_of_all_distances():
    shift = placed((0.5, -2.0), (0.0, 1.0))
    assert shift.penalty(0.1).item() == pytest.approx(0.35)
    assert shift.penalty().item() == pytest.approx(5e-4 * 3.5)


def test_displacements_start_within_a_sample_and_are_held_within_reach():
    shift = SparseShift2d(512, 1)
    assert 0.9 < shift.displacement.abs().max() <= 1
    with torch.no_grad():
        shift.displacement.mul_(50)
    shift.clamp_parameters()
    assert shift.displacement.min().item() == -1
    assert shift.displacement.max().item() == pytest.approx(1 - EDGE)
