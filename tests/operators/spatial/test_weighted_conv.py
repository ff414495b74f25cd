"""Weighted convolution: torch's own at density 1, a plain kernel once folded, and the same parameters."""

from math import prod

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.weighted_conv import WeightedConv1d, WeightedConv2d, WeightedConv3d

OPERATORS = {1: WeightedConv1d, 2: WeightedConv2d, 3: WeightedConv3d}
CONV = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
FUNCTION = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
DENSITY = {3: (0.7,), 5: (0.2, 0.8), 7: (0.25, 0.15, 0.55)}


def written_out(size: int, ndim: int, density: tuple[float, ...]) -> torch.Tensor:
    """The density of every tap, tap by tap."""
    alpha = [*density, 1.0, *reversed(density)]
    taps = torch.cartesian_prod(*[torch.arange(size)] * ndim).reshape(-1, ndim).tolist()
    values = [prod(alpha[m] for m in tap) for tap in taps]
    return torch.tensor(values, dtype=torch.float64).reshape((size,) * ndim)


@pytest.mark.parametrize("ndim", OPERATORS)
@pytest.mark.parametrize("size", [1, 3, 5])
def test_density_one_is_torchs_convolution_exactly(ndim, size):
    ones = (1.0,) * (size // 2)
    layer = OPERATORS[ndim](4, 6, size, 2, 1, 2, 2, True, density=ones, dtype=torch.float64)
    plain = CONV[ndim](4, 6, size, 2, 1, 2, 2, True, dtype=torch.float64)
    plain.load_state_dict({name: value for name, value in layer.state_dict().items() if name != "density"})
    x = torch.randn(2, 4, *(11,) * ndim, dtype=torch.float64)
    assert_close(layer(x), plain(x), 1e-14)


@pytest.mark.parametrize("ndim", OPERATORS)
@pytest.mark.parametrize("size", DENSITY)
def test_phi_is_the_outer_product_of_the_published_density(ndim, size):
    layer = OPERATORS[ndim](1, 1, size, dtype=torch.float64)
    assert_close(layer.phi(), written_out(size, ndim, DENSITY[size]), 1e-15)


@pytest.mark.parametrize("ndim", OPERATORS)
@pytest.mark.parametrize("learn_density", [False, True])
def test_folded_into_the_weight_it_is_a_plain_convolution(ndim, learn_density):
    layer = OPERATORS[ndim](2, 4, 3, padding=1, groups=2, learn_density=learn_density, dtype=torch.float64)
    nn.init.constant_(layer.density, 0.37)
    plain = layer.to_conv()
    assert type(plain) is CONV[ndim]
    x = torch.randn(2, 2, *(5,) * ndim, dtype=torch.float64)
    assert_close(plain(x), layer(x), 1e-14)
    assert_close(type(layer).from_conv(plain)(x), layer(x), 1e-14)


@pytest.mark.parametrize("ndim", OPERATORS)
def test_gradient_of_the_weight_is_the_density_times_the_plain_one(ndim):
    layer = OPERATORS[ndim](2, 3, 5, padding=2, dtype=torch.float64)
    x = torch.randn(2, 2, *(6,) * ndim, dtype=torch.float64)
    seed = torch.randn_like(layer(x))
    (layer(x) * seed).sum().backward()
    plain = layer.kernel().detach().requires_grad_()
    (FUNCTION[ndim](x, plain, padding=2) * seed).sum().backward()
    assert_close(layer.weight.grad, written_out(5, ndim, DENSITY[5]) * plain.grad, 1e-13)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_parameters_are_those_of_a_convolution_and_a_learnt_density_adds_its_numbers(size):
    def count(module):
        return sum(p.numel() for p in module.parameters())

    plain = count(nn.Conv2d(4, 6, size, bias=False))
    assert count(WeightedConv2d(4, 6, size)) == plain
    assert count(WeightedConv2d(4, 6, size, learn_density=True)) == plain + (size - 1) // 2


def test_a_learnt_density_starts_as_published_and_learns():
    layer = WeightedConv2d(1, 1, 7, learn_density=True)
    assert layer.density.tolist() == pytest.approx([0.27, 0.17, 0.54])
    layer(torch.randn(1, 1, 9, 9)).sum().backward()
    assert layer.density.grad.abs().min() > 0


def test_a_fixed_density_is_kept_with_the_weights_and_moves_with_them():
    layer = WeightedConv2d(2, 2, 3, density=(1.2,))
    other = WeightedConv2d(2, 2, 3)
    other.load_state_dict(layer.state_dict())
    assert_close(other.kernel(), layer.kernel())
    assert layer.double().phi().dtype == torch.float64


def test_weights_start_with_the_spread_that_keeps_gradients_through_relu():
    layer = WeightedConv2d(16, 128, 3)
    assert layer.weight.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
    assert layer.bias is None


def test_a_density_with_a_zero_cannot_be_divided_out():
    with pytest.raises(ArgumentError, match="without zeros"):
        WeightedConv2d.from_conv(nn.Conv2d(1, 1, 3), density=(0.0,))
