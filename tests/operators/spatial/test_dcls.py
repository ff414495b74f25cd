"""Learnable spacings: exact on the grid, conserved off it, and able to find a planted sparse filter."""

from itertools import product
from math import exp, pi, sqrt

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close, relative_error
from circulant.operators.spatial.dcls import Dcls1d, Dcls2d, Dcls3d
from circulant.operators.spatial.dcls_kernel import DclsVersion, dcls_kernel

O, I, POINTS = 3, 2, 5
WITHOUT_SPREAD = (DclsVersion.V0, DclsVersion.V1)
OFFSETS = (-6.7, 0.4, 5.2)
HEIGHTS = (1.0, -0.8, 0.6)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def spread_of(version: DclsVersion, ndim: int) -> torch.Tensor | None:
    return normal(ndim, O, I, POINTS, seed=3) if version.has_spread else None


@pytest.mark.parametrize("version", WITHOUT_SPREAD)
@pytest.mark.parametrize(("taps", "dilation"), [(3, 1), (3, 4), (4, 2), (2, 3)])
def test_points_on_a_grid_are_a_dilated_convolution(version, taps, dilation):
    size = dilation * (taps - 1) + 1
    dilated = normal(O, I, taps, taps, seed=1)
    places = [dilation * m - size // 2 for m in range(taps)]
    position = torch.tensor(list(product(places, places)), dtype=torch.float64).T
    position = position[:, None, None].expand(2, O, I, taps * taps)
    kernel = dcls_kernel(dilated.flatten(2), position, (size, size), version)
    x = normal(2, I, 13, 12, seed=2)
    expected = F.conv2d(x, dilated, dilation=dilation)
    tolerance = 1e-12 if version is DclsVersion.V0 else 1e-6
    assert relative_error(F.conv2d(x, kernel), expected) <= tolerance


@pytest.mark.parametrize("version", DclsVersion)
@pytest.mark.parametrize("kernel_size", [(7,), (5, 4), (3, 3, 4)])
def test_kernel_and_its_gradients_match_finite_differences(version, kernel_size):
    ndim = len(kernel_size)
    inputs = [normal(O, I, POINTS, seed=1), normal(ndim, O, I, POINTS, seed=2)]
    inputs += [spread_of(version, ndim)] if version.has_spread else []
    leaves = tuple(value.requires_grad_() for value in inputs)

    def kernel(weight, position, spread=None):
        return dcls_kernel(weight, position, kernel_size, version, spread)

    assert gradcheck(kernel, leaves, fast_mode=True)
    assert gradgradcheck(kernel, leaves, fast_mode=True)


@pytest.mark.parametrize("version", DclsVersion)
@pytest.mark.parametrize("kernel_size", [(7,), (5, 9), (3, 5, 3)])
def test_sum_of_an_odd_kernel_is_the_sum_of_its_weights(version, kernel_size):
    ndim = len(kernel_size)
    weight = normal(O, I, POINTS, seed=1)
    halves = torch.tensor([k // 2 for k in kernel_size], dtype=torch.float64).view(-1, 1, 1, 1)
    position = (3 * normal(ndim, O, I, POINTS, seed=2)).clamp(-halves, halves)
    assert (position.abs() == halves).any()
    kernel = dcls_kernel(weight, position, kernel_size, version, spread_of(version, ndim))
    tolerance = 1e-12 if version is DclsVersion.V0 else 1e-6
    assert relative_error(kernel.flatten(2).sum(-1), weight.sum(-1)) <= tolerance


def test_interpolation_between_samples_is_bilinear():
    weight = torch.tensor([[[2.0]]], dtype=torch.float64)
    position = torch.tensor([-0.75, 0.4], dtype=torch.float64).view(2, 1, 1, 1)
    expected = torch.zeros(1, 1, 3, 3, dtype=torch.float64)
    expected[0, 0, :2, 1:] = 2 * torch.tensor([[0.75 * 0.6, 0.75 * 0.4], [0.25 * 0.6, 0.25 * 0.4]])
    assert_close(dcls_kernel(weight, position, (3, 3), DclsVersion.V0), expected, 1e-7)


def test_a_point_on_a_sample_still_has_a_slope():
    position = torch.zeros(1, 1, 1, 1, dtype=torch.float64, requires_grad=True)
    kernel = dcls_kernel(torch.ones(1, 1, 1, dtype=torch.float64), position, (5,), DclsVersion.V0)
    assert kernel.tolist() == [[[0, 0, 1, 0, 0]]]
    kernel[0, 0, 3].backward()
    assert position.grad.item() == 1


def test_gaussian_and_wide_triangle_reach_further_with_a_larger_spread():
    weight, position = torch.ones(1, 1, 1), torch.zeros(1, 1, 1, 1)
    for version in (DclsVersion.GAUSS, DclsVersion.MAX):
        narrow, wide = (
            dcls_kernel(weight, position, (9,), version, torch.full((1, 1, 1, 1), spread))[0, 0]
            for spread in (0.1, -3.0)
        )
        assert narrow[4] > wide[4]
        assert wide[1] > narrow[1]
        assert wide[1] == wide[7]


def planted(offsets: tuple[float, ...], size: int) -> torch.Tensor:
    """A sparse filter, each point linearly interpolated."""
    kernel = torch.zeros(1, 1, size, dtype=torch.float64)
    for offset, height in zip(offsets, HEIGHTS):
        for m in range(size):
            kernel[0, 0, m] += height * max(0.0, 1 - abs(m - size // 2 - offset))
    return kernel


def learn(module: Dcls1d, starts: tuple[float, ...]) -> list[float]:
    """Positions after 500 steps on white noise filtered by the planted filter."""
    size = module.settings.kernel[0]
    with torch.no_grad():
        module.position.copy_(torch.tensor(starts).view(1, 1, 1, -1))
    target = planted(OFFSETS, size)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
    for step in range(500):
        x = normal(4, 1, 64, seed=step)
        optimiser.zero_grad()
        F.mse_loss(module(x), F.conv1d(x, target)).backward()
        optimiser.step()
        module.clamp_parameters()
    return module.position.flatten().tolist()


@pytest.mark.parametrize("version", WITHOUT_SPREAD)
def test_points_started_within_a_sample_find_a_planted_sparse_filter(version):
    torch.manual_seed(0)
    module = Dcls1d(1, 1, 17, bias=False, points=3, version=version, dtype=torch.float64)
    found = learn(module, (-6.2, 0.8, 5.7))
    assert found == pytest.approx(OFFSETS, abs=0.1)


def test_wide_gaussians_find_a_planted_sparse_filter_from_afar():
    torch.manual_seed(0)
    module = Dcls1d(1, 1, 17, bias=False, points=3, version=DclsVersion.GAUSS, dtype=torch.float64)
    with torch.no_grad():
        module.spread.fill_(2.0)
        module.weight.copy_(torch.tensor(HEIGHTS))
    found = learn(module, (-4.2, -1.1, 3.0))
    assert found == pytest.approx(OFFSETS, abs=0.1)


def pull(version: DclsVersion, distance: float) -> float:
    """Slope of the correlation with a planted tap on white noise, for a point that far from it."""
    module = Dcls1d(1, 1, 17, padding=8, bias=False, points=1, version=version, dtype=torch.float64)
    with torch.no_grad():
        module.weight.fill_(1)
        module.position.fill_(distance)
        if module.spread is not None:
            module.spread.fill_(2.0)
    x = normal(1, 1, 20_000, seed=5)
    (module(x) * x).mean().backward()  # the planted filter is a single tap in the middle
    return module.position.grad.item()


def test_beyond_one_sample_interpolation_feels_nothing_and_a_wide_gaussian_does():
    assert pull(DclsVersion.V0, 0.5) == pytest.approx(-1, abs=0.05)
    assert abs(pull(DclsVersion.V0, 3.5)) < 0.03
    width = 0.27 + 2
    density = exp(-0.5 * (3.5 / width) ** 2) / (width * sqrt(2 * pi))
    assert pull(DclsVersion.GAUSS, 3.5) == pytest.approx(-3.5 / width**2 * density, abs=0.005)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(
    ("layer", "operator", "shape"),
    [
        (nn.Conv1d(4, 6, 3, 2, 4, 3, 2), Dcls1d, (2, 4, 15)),
        (nn.Conv2d(2, 4, (3, 2), padding="same", dilation=(2, 3)), Dcls2d, (2, 2, 7, 8)),
        (nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False, padding_mode="circular"), Dcls2d, (3, 6, 5)),
        (nn.Conv3d(1, 2, 2, dilation=2, padding=1, padding_mode="replicate"), Dcls3d, (1, 1, 4, 3, 4)),
    ],
    ids=["strided", "same", "circular", "volume"],
)
def test_made_from_a_torch_convolution_it_is_that_convolution_and_goes_back(layer, operator, shape):
    layer = layer.double()
    x = normal(*shape)
    module = operator.from_conv(layer)
    assert_close(module(x), layer(x))
    assert_close(module.to_conv()(x), layer(x))


def test_clamping_brings_positions_back_onto_the_kernel():
    module = Dcls2d(2, 2, (5, 8), points=3)
    with torch.no_grad():
        module.position.mul_(100)
    module.clamp_parameters()
    assert module.position[0].abs().max() == 2
    assert module.position[1].abs().max() == 4


def test_parameters_do_not_grow_with_the_kernel():
    sizes = {
        sum(p.numel() for p in Dcls2d(8, 8, k, groups=8, points=26, device="meta").parameters())
        for k in (7, 17, 31)
    }
    assert sizes == {8 * 26 + 2 * 8 * 26 + 2 * 8 * 26 + 8}


def test_example_without_a_batch_gives_a_result_without_one():
    module, x = Dcls2d(2, 3, 5, padding=2, points=4), torch.randn(2, 6, 7)
    assert module(x).shape == (3, 6, 7)
    assert_close(module(x), module(x[None])[0])


def test_padding_that_torch_cannot_express_is_refused_on_the_way_back():
    with pytest.raises(ArgumentError, match=r"torch\.nn\.Conv1d"):
        Dcls1d(2, 2, 5, padding="causal", points=2).to_conv()


def test_a_spread_belongs_to_the_versions_that_have_one():
    weight, position = torch.ones(1, 1, 1), torch.zeros(1, 1, 1, 1)
    with pytest.raises(ArgumentError, match="a spread for V0"):
        dcls_kernel(weight, position, (3,), DclsVersion.V0, torch.ones(1, 1, 1, 1))
    with pytest.raises(ArgumentError, match="no spread for GAUSS"):
        dcls_kernel(weight, position, (3,))
    with pytest.raises(ArgumentError, match="along 2 axes"):
        dcls_kernel(weight, position, (3, 3), DclsVersion.V0)
