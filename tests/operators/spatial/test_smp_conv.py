"""Self-moving points: the closed formula at any place, any kernel of taps, one function at any grid."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.smp_conv import SMPConv1d, SMPConv2d, SMPConv3d
from circulant.operators.spatial.smp_kernel import PointForm, SelfMovingPointKernel, grid


def points_of(ndim: int, form: PointForm, points: int = 7) -> SelfMovingPointKernel:
    """Spread over the cube, reaching different distances."""
    kernel = SelfMovingPointKernel(ndim, 2, 3, points, radius=0.5, form=form, dtype=torch.float64)
    nn.init.uniform_(kernel.position, -1, 1)
    nn.init.uniform_(kernel.radius, 0.3, 1)
    nn.init.normal_(kernel.weight)
    return kernel


def written_out(kernel: SelfMovingPointKernel, places: torch.Tensor) -> torch.Tensor:
    """The formula at each place, point by point."""
    O, I, N = kernel.weight.shape
    result = torch.zeros(O, I, places.shape[1], dtype=torch.float64)
    for o in range(O):
        owner = 0 if kernel.form is PointForm.SHARED else o
        for m, place in enumerate(places.T.tolist()):
            shares = []
            for n in range(N):
                at = kernel.position[owner, :, n].tolist()
                distance = sum(abs(a - b) for a, b in zip(place, at))
                shares.append(max(0.0, 1 - distance / kernel.radius[owner, n].item()))
            count = sum(share > 0 for share in shares) + 1e-6 if kernel.form is PointForm.AVERAGED else 1
            for i in range(I):
                result[o, i, m] = sum(s * kernel.weight[o, i, n].item() for n, s in enumerate(shares)) / count
    return result


@pytest.mark.parametrize("form", PointForm)
@pytest.mark.parametrize("sizes", [(9,), (5, 4), (3, 2, 3), (1,), (1, 3)])
def test_the_kernel_is_the_closed_formula_on_a_grid(form, sizes):
    kernel = points_of(len(sizes), form)
    axes = [[2 * m / (n - 1) - 1 for m in range(n)] if n > 1 else [0.0] for n in sizes]
    places = torch.tensor(list(product(*axes)), dtype=torch.float64).T
    assert_close(kernel.on_grid(sizes).flatten(2), written_out(kernel, places), 1e-12)


@pytest.mark.parametrize("form", PointForm)
def test_at_irregular_time_stamps_it_is_the_direct_sum(form):
    kernel = points_of(1, form)
    stamps = torch.rand(1, 23, dtype=torch.float64).sort().values * 2 - 1
    assert_close(kernel(stamps), written_out(kernel, stamps), 1e-12)


@pytest.mark.parametrize("form", PointForm)
@pytest.mark.parametrize("ndim", [1, 2])
def test_derivatives_by_places_radii_and_weights_match_finite_differences(form, ndim):
    kernel = points_of(ndim, form)
    places = grid((6, 5)[:ndim], kernel.position)
    names = [name for name, _ in kernel.named_parameters()]

    def sampled(*values):
        return torch.func.functional_call(kernel, dict(zip(names, values)), (places,))

    leaves = tuple(value.detach().clone().requires_grad_() for value in kernel.parameters())
    assert gradcheck(sampled, leaves, fast_mode=True)
    assert gradgradcheck(sampled, leaves, fast_mode=True)


@pytest.mark.parametrize(
    ("layer", "operator", "shape"),
    [
        (nn.Conv1d(4, 6, 5, 2, 1, 1, 2), SMPConv1d, (2, 4, 15)),
        (nn.Conv2d(3, 3, 7, padding="same", groups=3, bias=False), SMPConv2d, (2, 3, 7, 8)),
        (nn.Conv2d(2, 4, 3, dilation=2, padding_mode="circular", padding=1), SMPConv2d, (1, 2, 6, 6)),
        (nn.Conv2d(2, 2, 1), SMPConv2d, (1, 2, 3, 3)),
        (nn.Conv3d(1, 2, 3), SMPConv3d, (1, 1, 4, 5, 4)),
    ],
    ids=["strided", "depthwise", "dilated", "pointwise", "volume"],
)
def test_points_on_all_taps_that_reach_to_the_next_are_any_kernel(layer, operator, shape):
    layer = layer.double()
    module = operator.from_conv(layer)
    K = layer.kernel_size[0]
    if K > 1:
        assert module.points.radius.unique().item() == pytest.approx(2 / (K - 1), rel=1e-12)
    assert_close(module.kernel(), layer.weight, 1e-12)
    x = torch.randn(shape, dtype=torch.float64)
    assert_close(module(x), layer(x), 1e-12)
    assert_close(module.to_conv()(x), layer(x), 1e-12)


def test_averaged_points_that_end_just_before_the_next_tap_are_any_kernel_too():
    K, wanted = 9, torch.randn(3, 2, 9, dtype=torch.float64)
    kernel = SelfMovingPointKernel(1, 2, 3, K, radius=1.0, form=PointForm.AVERAGED, dtype=torch.float64)
    with torch.no_grad():
        kernel.position.copy_(grid((K,), kernel.position)[None])
        kernel.radius.fill_(2 / (K - 1) * (1 - 1e-6))
        kernel.weight.copy_(wanted)
    assert_close(kernel.on_grid((K,)), wanted, 1e-5)


@pytest.mark.parametrize("form", PointForm)
def test_sampled_twice_as_finely_it_passes_through_the_same_values(form):
    kernel = points_of(2, form)
    coarse, fine = kernel.on_grid((6, 5)), kernel.on_grid((11, 9))
    assert_close(fine[..., ::2, ::2], coarse, 1e-12)


def test_between_two_taps_the_finer_kernel_lies_on_the_line():
    module = SMPConv1d.from_conv(nn.Conv1d(1, 1, 5).double())
    coarse, fine = module.kernel(), module.kernel((9,))
    assert_close(fine[..., 1::2], (coarse[..., :-1] + coarse[..., 1:]) / 2, 1e-12)


def test_a_picture_layer_has_a_weight_per_channel_and_three_numbers_per_point():
    C, K = 96, 31
    layer = SMPConv2d(C, C, K, padding=K // 2, groups=C, bias=False, device="meta")
    N = K**2 // 4
    assert sum(p.numel() for p in layer.parameters()) == C * N + 3 * N


def test_points_start_around_the_middle_of_a_picture_and_near_the_latest_sample_of_a_sequence():
    picture, series = SMPConv2d(64, 64, 31, groups=64).points, SMPConv1d(32, 32, 101).points
    assert picture.position.std().item() == pytest.approx(0.2, rel=0.1)
    assert picture.radius.unique().item() == pytest.approx(4 / 31)
    assert picture.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert 0.5 < series.position.mean() < 1
    assert series.position.max() <= 1


@pytest.mark.parametrize(("form", "least"), [(PointForm.SHARED, 1e-3), (PointForm.AVERAGED, 1e-4)])
def test_radii_are_held_within_their_limits(form, least):
    kernel = points_of(1, form)
    with torch.no_grad():
        kernel.radius[0, 0], kernel.radius[0, 1] = -2, 7
    kernel.clamp_parameters()
    assert kernel.radius.min().item() == pytest.approx(least)
    assert kernel.radius.max().item() == 1


def test_causal_padding_keeps_the_future_out():
    layer = SMPConv1d(2, 2, 9, padding="causal", dtype=torch.float64)
    nn.init.normal_(layer.points.weight)
    x = torch.randn(1, 2, 20, dtype=torch.float64)
    later = x.clone()
    later[..., 12:] = 0
    assert_close(layer(later)[..., :12], layer(x)[..., :12], 1e-14)
    assert_close(layer(x), F.conv1d(F.pad(x, (8, 0)), layer.kernel(), layer.bias), 1e-12)


def test_places_of_another_number_of_axes_are_refused():
    with pytest.raises(ShapeError, match=r"places \(2, M\)"):
        points_of(2, PointForm.SHARED)(torch.zeros(1, 4))
