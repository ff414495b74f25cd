"""Spread kernels: dilations, repeated samples, larger kernels in closed form."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.re_dilated_conv import (
    ReDilatedConv1d,
    ReDilatedConv2d,
    decayed_factor,
    dispersed_kernel,
    dispersion,
)


def layer(factor, stride=1, kernel=3):
    return ReDilatedConv2d(2, 3, kernel, stride, kernel // 2, factor=factor, dtype=torch.float64)


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2])
def test_an_integer_factor_is_a_dilation(factor, stride):
    conv, x = layer(factor, stride), torch.randn(2, 2, 17, 14, dtype=torch.float64)
    expected = F.conv2d(x, conv.weight, conv.bias, stride, factor, factor)
    assert_close(conv(x), expected, 1e-10)


def test_a_factor_of_one_is_torchs_layer_bit_for_bit():
    conv, x = ReDilatedConv2d(4, 4, 3, padding=1), torch.randn(2, 4, 9, 9)
    assert torch.equal(conv(x), conv.to_conv()(x))


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_an_enlarged_input_gives_the_output_before_exactly_on_every_dth_sample(factor, stride, kernel):
    x = torch.randint(-8, 8, (2, 2, 8, 10)).double()
    conv, plain = layer(factor, stride, kernel), layer(1, stride, kernel)
    with torch.no_grad():
        conv.weight.copy_(torch.randint(-8, 8, conv.weight.shape))  # sums of integers have no rounding
        conv.bias.copy_(torch.arange(3))
    plain.load_state_dict(conv.state_dict())
    enlarged = x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    assert torch.equal(conv(enlarged)[..., ::factor, ::factor], plain(x))


@pytest.mark.parametrize(("factor", "support"), [(1, 3), (2, 5), (3, 7), (4, 9)])
def test_support_of_three_taps_grows_to_one_and_twice_the_factor(factor, support):
    conv, x = layer(factor), torch.randn(1, 2, 33, 33, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(conv(x)[0, 0, 16, 16], x)
    met = gradient[0, 0].nonzero()
    assert (met.amax(0) - met.amin(0) + 1).tolist() == [support, support]


def test_a_fractional_factor_stretches_convolves_and_brings_the_size_back():
    conv, x = layer(2.5), torch.randn(1, 2, 10, 15, dtype=torch.float64)
    stretched = F.interpolate(x, size=(12, 18), mode="bilinear")
    y = F.conv2d(stretched, conv.weight, conv.bias, padding=3, dilation=3)
    assert_close(conv(x), F.interpolate(y, size=(10, 15), mode="bilinear"), 1e-10)


def test_parameters_are_shared_with_the_layer_it_is_made_from():
    conv = torch.nn.Conv1d(2, 4, 5, 2, 2, groups=2, padding_mode="circular")
    spread = ReDilatedConv1d.from_conv(conv, factor=1)
    x = torch.randn(2, 2, 12)
    assert spread.weight is conv.weight
    assert torch.equal(spread(x), conv(x))
    assert ReDilatedConv1d.from_conv(conv, factor=2)(x).shape == conv(x).shape


def test_the_factor_falls_over_the_steps():
    assert [decayed_factor(4, step, 8) for step in range(9)] == [4, 4, 3, 3, 2, 2, 2, 2, 1]


def _objective(transform, kernel, larger, factor, eta):
    """By convolutions: mean squared error over unit impulses h and unit kernels, on the middle samples."""
    size = 2 * (kernel + larger) + 1
    middle = size // 2
    h = torch.eye(size * size, dtype=torch.float64).view(-1, 1, size, size)
    small = torch.eye(kernel**2, dtype=torch.float64).view(-1, 1, kernel, kernel)
    big = transform.T.reshape(-1, 1, larger, larger)

    def enlarged(z):
        return F.interpolate(z, scale_factor=factor, mode="bilinear")

    seen = F.conv2d(h, small, padding=kernel // 2)
    period = slice(middle * factor, (middle + 1) * factor)
    structure = enlarged(seen) - F.conv2d(enlarged(h), big, padding=larger // 2)
    pixels = seen - F.conv2d(h, big, padding=larger // 2)
    first = structure[..., period, period].square().sum() / factor**2
    return first + eta * pixels[..., middle, middle].square().sum()


@pytest.mark.parametrize(("larger", "factor"), [(5, 2), (5, 4), (3, 2)])
def test_the_larger_kernel_solves_its_normal_equations(larger, factor):
    transform = dispersion(3, larger, factor, eta=0.05).requires_grad_()
    (gradient,) = torch.autograd.grad(_objective(transform, 3, larger, factor, 0.05), transform)
    assert gradient.abs().max() < 1e-8
    worse = (transform + 1e-3 * torch.randn_like(transform)).detach()
    assert _objective(worse, 3, larger, factor, 0.05) > _objective(transform, 3, larger, factor, 0.05)


def test_five_taps_disperse_to_a_dilation_where_only_the_structure_counts():
    weight = torch.randn(2, 3, 3, 3, dtype=torch.float64)
    dilated = torch.zeros(2, 3, 5, 5, dtype=torch.float64)
    dilated[..., ::2, ::2] = weight
    assert_close(dispersed_kernel(weight, dispersion(3, 5, 2, eta=1e-9)), dilated, 1e-5)


def test_a_large_eta_leaves_the_kernel_in_the_middle():
    weight = torch.randn(1, 1, 3, 3, dtype=torch.float64)
    assert_close(dispersed_kernel(weight, dispersion(3, 5, 2, eta=1e9)), F.pad(weight, (1, 1, 1, 1)), 1e-7)


def test_transforms_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="got \\(25, 9\\); make it with dispersion"):
        dispersed_kernel(torch.zeros(2, 2, 5, 5), dispersion(3, 5, 2, eta=1.0))
    with pytest.raises(ArgumentError, match="odd kernels, the larger one last, got 3 and 4"):
        dispersion(3, 4, 2, eta=1.0)
    with pytest.raises(ArgumentError, match="eta above 0, got 2 and 0"):
        dispersion(3, 5, 2, eta=0)
