"""Frequency-adaptive dilated convolution: known dilations, neutral gates, and a dilation that learns."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.functional import deformable_conv
from circulant.operators.dynamic.adaptive_kernel import AdaptiveKernelDecomposition
from circulant.operators.dynamic.frequency_adaptive_dilated_conv2d import FrequencyAdaptiveDilatedConv2d
from circulant.train.dilation_objective import dilation_objective, lost_power

H, W = 12, 11


def picture(channels=4):
    return torch.randn(2, channels, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def operator(spacing, **settings):
    """Neutral gates, an open mask and taps that far apart everywhere."""
    torch.manual_seed(0)
    module = FrequencyAdaptiveDilatedConv2d(4, 6, bands=(), dtype=torch.float64, **settings).eval()
    for gates in (module.adapt.low, module.adapt.high):
        nn.init.zeros_(gates.channel.weight)
        nn.init.zeros_(gates.filter.weight)
    with torch.no_grad():
        module.sampling.conv.bias[0] = (spacing - 1) / module.sampling.dilation
        module.sampling.conv.bias[1:] = 50.0
    return module


@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_whole_dilations_are_an_ordinary_dilated_convolution_inside(dilation):
    module, x = operator(dilation, dilation=2), picture()
    expected = F.conv2d(x, module.weight, module.bias, padding=dilation, dilation=dilation)
    inner = (..., slice(dilation, -dilation), slice(dilation, -dilation))
    assert_close(module(x)[inner], expected[inner])


@pytest.mark.parametrize("spacing", [1.5, 2.25])
def test_fractional_dilations_are_a_deformable_convolution_with_radial_offsets(spacing):
    module, x = operator(spacing, dilation=2, groups=2), picture()
    steps = torch.arange(-1, 2, dtype=torch.float64)
    radial = (spacing - 1) * torch.cartesian_prod(steps, steps).flatten()
    offset = radial[None, :, None, None].expand(2, 18, H, W)
    outer = F.pad(x, (1, 1, 1, 1), mode="replicate")
    assert_close(module(x), deformable_conv(outer, offset, None, module.weight, module.bias))


def test_at_first_the_dilation_is_the_given_one_and_every_tap_is_halved():
    torch.manual_seed(0)
    module = FrequencyAdaptiveDilatedConv2d(4, 6, dilation=3, dtype=torch.float64)
    x = picture()
    assert_close(module.dilations(x), torch.full((2, 1, H, W), 3 * (1 + 1e-4), dtype=torch.float64))
    assert module.sampling(F.pad(x, (1, 1, 1, 1))).mask.unique().tolist() == [0.5]


def test_half_open_gates_leave_the_weight_and_the_input_as_they_are():
    module, x = operator(1), picture()
    assert_close(module.adapt(x, module.weight), module.weight.expand(2, *module.weight.shape))
    selecting = FrequencyAdaptiveDilatedConv2d(4, 6, dtype=torch.float64)
    assert torch.equal(selecting.selection(x), x)


def test_the_gates_weigh_a_kernels_mean_and_the_rest_apart():
    torch.manual_seed(0)
    adapt, x = AdaptiveKernelDecomposition(4, 6, dtype=torch.float64).eval(), picture()
    weight = torch.randn(6, 4, 3, 3, dtype=torch.float64)
    nn.init.constant_(adapt.high.filter.weight, 0.0)
    nn.init.constant_(adapt.high.filter.bias, -100.0)
    kernels = adapt(x, weight)
    assert kernels.std((3, 4)).max() < 1e-12  # the high frequencies are shut off
    low = adapt.low(x.mean((2, 3)))
    expected = 4 * low[0][:, None] * low[1][..., None] * weight.mean((2, 3))
    assert_close(kernels.mean((3, 4)), expected)


def test_it_is_the_operator_without_selection_on_the_selected_input():
    torch.manual_seed(0)
    module = FrequencyAdaptiveDilatedConv2d(4, 6, dilation=2, dtype=torch.float64).eval()
    nn.init.normal_(module.selection.select.weight)
    nn.init.normal_(module.sampling.conv.weight, std=0.1)
    plain = FrequencyAdaptiveDilatedConv2d(4, 6, dilation=2, bands=(), dtype=torch.float64).eval()
    plain.load_state_dict({k: v for k, v in module.state_dict().items() if "selection" not in k})
    x = picture()
    assert_close(module(x), plain(module.selection(x)))
    assert_close(module(x[0]), module(x)[0])


def test_the_gradient_reaches_the_dilation():
    module = operator(2.3, dilation=2)
    module(picture()).square().sum().backward()
    assert module.sampling.conv.bias.grad[0].abs() > 1e-3
    assert module.sampling.conv.weight.grad[0].abs().max() > 1e-3


def test_power_above_what_a_dilation_can_hold_is_lost_and_power_below_is_not():
    n = torch.arange(32, dtype=torch.float64)
    fine, coarse = (torch.cos(2 * torch.pi * f * n / 32).expand(1, 1, 32, 32) for f in (12, 2))
    spacing = torch.full((1, 1, 32, 32), 2.0, dtype=torch.float64)
    assert_close(lost_power(fine, spacing), F.avg_pool2d(fine.square(), 7, 1, 3, count_include_pad=False))
    assert lost_power(coarse, spacing).max() < 1e-20
    assert lost_power(fine, torch.ones_like(spacing)).max() < 1e-20


def half_textured(seed: int) -> torch.Tensor:
    """White noise on the left, a flat half on the right."""
    x = torch.randn(2, 2, 24, 24, generator=torch.Generator().manual_seed(seed))
    x[..., 12:] = 0.5
    return x


def test_the_objective_spreads_taps_on_a_flat_half_more_than_on_a_textured_one():
    x = half_textured(0)
    spacing = torch.full((2, 1, 24, 24), 2.0, requires_grad=True)
    optimiser = torch.optim.Adam([spacing], lr=0.02)
    for _ in range(100):
        optimiser.zero_grad()
        dilation_objective(x, spacing).backward()
        optimiser.step()
    assert spacing[..., 16:].mean() > 1.5 * spacing[..., :8].mean()


def test_through_the_layer_the_objective_learns_that_from_the_features():
    """A layer that never sees where it is tells flat from textured, and not only on what it has seen."""
    torch.manual_seed(0)
    module = FrequencyAdaptiveDilatedConv2d(2, 2, dilation=2, bands=())
    x, optimiser = half_textured(0), torch.optim.Adam(module.sampling.parameters(), lr=5e-3)
    for _ in range(100):
        optimiser.zero_grad()
        dilation_objective(x, module.dilations(x), weight=1.0).backward()
        optimiser.step()
    for seed in (0, 1):
        spacing = module.dilations(half_textured(seed)).detach()
        assert spacing[..., 16:].mean() > 1.5 * spacing[..., :8].mean()
