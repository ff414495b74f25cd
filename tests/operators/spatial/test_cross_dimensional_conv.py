"""Kernels moved by fractions of a sample, and slices of them for pictures."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.axis_angle import AxisAngle
from circulant.operators.spatial.cross_dimensional_conv import CrossDimensionalConv, phase_shift_kernel


def by_fft(kernel, phase):
    """phase (K, K, K) in cycles."""
    spectrum = torch.fft.fftn(kernel, dim=(-3, -2, -1))
    return torch.fft.ifftn(spectrum * torch.exp(-2j * torch.pi * phase), dim=(-3, -2, -1)).real


def frequencies(K):
    f = torch.fft.fftfreq(K, dtype=torch.float64)
    return torch.stack(torch.meshgrid(f, f, f, indexing="ij"), -1)


def kernel(K):
    return torch.randn(2, 3, K, K, K, dtype=torch.float64)


@pytest.mark.parametrize("K", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("shift", [(1, 1, 1), (0, 2, -1), (-3, 0, 4)])
def test_a_shift_by_whole_samples_rolls_the_kernel(K, shift):
    weight = kernel(K)
    moved = phase_shift_kernel(weight, torch.tensor([shift], dtype=torch.float64))
    assert_close(moved[0], weight.roll(shift, (-3, -2, -1)), 1e-10)


@pytest.mark.parametrize("K", [2, 3, 4, 5])
def test_fractions_are_phases_of_the_spectrum(K):
    weight, shift = kernel(K), torch.tensor([[0.3, -1.7, 0.9], [0.5, 0.5, 0.5]], dtype=torch.float64)
    expected = [by_fft(weight, frequencies(K) @ each) for each in shift]
    assert_close(phase_shift_kernel(weight, shift), torch.stack(expected), 1e-10)


@pytest.mark.parametrize(("K", "adds"), [(3, True), (5, True), (2, False), (4, False)])
def test_fractions_add_up_for_odd_sizes_alone(K, adds):
    weight = kernel(K)
    first, second = torch.tensor([[[0.3, -0.6, 0.25]], [[0.45, 0.2, -0.8]]], dtype=torch.float64)
    twice = phase_shift_kernel(phase_shift_kernel(weight, first)[0], second)
    once = phase_shift_kernel(weight, first + second)
    assert torch.allclose(twice, once, atol=1e-10) is adds


def test_one_axis_and_two_are_moved_too():
    line, plane = torch.randn(4, 5, dtype=torch.float64), torch.randn(4, 3, 5, dtype=torch.float64)
    assert_close(phase_shift_kernel(line, torch.full((1, 1), 2.0).double())[0], line.roll(2, 1), 1e-10)
    moved = phase_shift_kernel(plane, torch.tensor([[1.0, -1.0]], dtype=torch.float64))
    assert_close(moved[0], plane.roll((1, -1), (1, 2)), 1e-10)
    with pytest.raises(ShapeError, match="shift"):
        phase_shift_kernel(line, torch.zeros(3))


class Told(torch.nn.Module):
    """In the place of the look: an axis and an angle that are known."""

    def __init__(self, axis, theta):
        super().__init__()
        self.axis = torch.nn.functional.normalize(axis, dim=1)
        self.theta = theta

    def forward(self, x):
        return self.axis, self.theta


def told(theta, K=3, **settings):
    operator = CrossDimensionalConv(2, 4, K, padding=K // 2, dtype=torch.float64, **settings)
    axis = torch.randn(3, 3, dtype=torch.float64)
    operator.look = Told(axis, torch.full((3,), theta, dtype=torch.float64))
    return operator


def skew(axis):
    x, y, z = axis.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))


@pytest.mark.parametrize("theta", [0.0, 0.4, -0.7])
def test_the_phase_of_r_is_that_of_a_shift_by_r_transposed_times_ones(theta):
    operator = told(theta)
    matrix = torch.eye(3, dtype=torch.float64) + theta * skew(operator.look.axis)
    ones = torch.ones(3, dtype=torch.float64)
    shift = operator.shift(torch.zeros(3, 2, 4, 4, dtype=torch.float64))
    assert_close(shift, matrix.mT @ ones, 1e-12)
    f = frequencies(5)
    for R, d in zip(matrix, shift):
        assert_close((f @ R.T).sum(-1), f @ d, 1e-12)


@pytest.mark.parametrize("K", [3, 5])
@pytest.mark.parametrize("theta", [0.0, 0.6])
def test_pictures_are_convolved_with_slices_of_kernels_turned_in_frequency(K, theta):
    operator, x = told(theta, K, groups=2), torch.randn(3, 2, 7, 6, dtype=torch.float64)
    expected = []
    for one, axis in zip(x, operator.look.axis):
        R = torch.eye(3, dtype=torch.float64) + theta * skew(axis)
        turned = by_fft(operator.weight, (frequencies(K) @ R.T).sum(-1))
        expected.append(F.conv2d(one, turned[:, :, K // 2], padding=K // 2, groups=2))
    assert_close(operator(x), torch.stack(expected), 1e-10)


def test_without_an_angle_the_slice_is_that_of_the_kernel_rolled_by_one():
    operator, x = told(0.0), torch.randn(3, 2, 7, 6, dtype=torch.float64)
    rolled = operator.weight.roll((1, 1, 1), (-3, -2, -1))
    assert_close(operator(x), F.conv2d(x, rolled[:, :, 1], padding=1), 1e-12)


def test_a_gradient_reaches_every_tap_only_where_there_is_an_angle():
    x = torch.randn(3, 2, 7, 6, dtype=torch.float64)
    for theta, reaches in ((0.5, True), (0.0, False)):
        operator = told(theta)
        (gradient,) = torch.autograd.grad(operator(x).square().sum(), operator.weight)
        assert bool((gradient.abs() > 1e-9).all()) is reaches


def test_volumes_are_convolved_with_the_kernel_as_it_is():
    operator = CrossDimensionalConv(2, 4, 3, 2, 1, groups=2, dtype=torch.float64)
    x = torch.randn(2, 2, 5, 6, 7, dtype=torch.float64)
    assert_close(operator(x), F.conv3d(x, operator.weight, None, 2, 1, groups=2), 1e-10)


def test_axes_are_of_length_one_and_angles_within_a_quarter_of_pi():
    look = AxisAngle(2, 16)
    axis, theta = look(10 * torch.randn(5, 2, 6, 6))
    assert torch.allclose(axis.norm(dim=1), torch.ones(5))
    assert theta.abs().max() <= torch.pi / 4
    assert [tuple(p.shape) for p in look.parameters()][:1] == [(16, 2, 1, 1)]


def test_kernels_start_with_the_variance_for_fan_out():
    torch.manual_seed(0)
    operator = CrossDimensionalConv(32, 64, 3)
    assert abs(operator.weight.std() / (2 / (64 * 27)) ** 0.5 - 1) < 0.02
