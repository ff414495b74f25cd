"""Pictures that units answer to, pictures from features, signals sent back, and units named by concepts."""

import numpy as np
import pytest
import torch
from tests.explain.digit_network import LAST, digits, trained
from torch import nn
from torch.nn import functional

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.data.scenes import scene_patches
from circulant.explain.activation_maximisation import Ascent, activation_maximisation
from circulant.explain.deconv_net import SignalRule, deconv_net, unit_signal
from circulant.explain.gaussian_blur import gaussian_blur
from circulant.explain.invert_features import Descent, invert_features, total_variation
from circulant.explain.network_dissection import dissect_features, network_dissection


def grey(side=28):
    return 0.5 + 0.05 * torch.randn(1, side, side)


def photograph(side):
    patch = torch.from_numpy(scene_patches(side, 1, 0, ["coffee.png"])).double()
    assert patch.std() > 0.02
    return patch


@pytest.mark.slow
@pytest.mark.parametrize("unit", [0, 3, 8])
def test_the_maximised_activation_exceeds_that_of_every_digit(unit):
    network, x = trained(), digits()[0]
    with torch.no_grad():
        best = torch.cat([network(part)[:, unit] for part in x.split(500)]).max()
    found = activation_maximisation(network, unit, grey())
    assert found.activation > best
    assert found.x.min() >= 0
    assert found.x.max() <= 1


def test_a_linear_unit_is_maximised_by_the_sign_of_its_weights():
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    found = activation_maximisation(network, 1, grey(4), Ascent(rate=1.0, decay=0.0, blur_every=0))
    assert torch.equal(found.x.flatten(), (network[1].weight[1] > 0).float())
    assert len(found.activations) == 201
    assert found.activation == max(found.activations)


def test_decay_and_blur_make_the_picture_smaller_and_smoother():
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    sharp, smooth, small = (
        activation_maximisation(network, 0, grey(8), Ascent(blur_every=every, decay=decay, low=-1.0)).x
        for every, decay in ((0, 0.0), (2, 0.0), (0, 0.1))
    )
    assert total_variation(smooth) < total_variation(sharp)
    assert small.norm() < sharp.norm()


@pytest.mark.parametrize("bias", [False, True])
def test_a_first_layer_of_full_rank_is_inverted(bias):
    patch = photograph(32)
    layer = nn.Conv2d(1, 30, 5, padding=2, bias=bias).double()
    assert torch.linalg.matrix_rank(layer.weight.flatten(1)) == 25
    found = invert_features(layer, layer(patch), (1, 1, 32, 32))
    psnr = -10 * torch.log10((found.x - patch).square().mean())
    assert psnr > 30
    assert found.feature_errors[-1] < 1e-3 * found.feature_errors[0]


def test_the_penalties_draw_pixels_in_and_smooth_them():
    patch = photograph(16)
    layer = nn.Conv2d(1, 2, 3, padding=1, bias=False).double()
    plain, even, low = (
        invert_features(layer, layer(patch), patch.shape, descent).x
        for descent in (Descent(), Descent(variation_weight=1e-3), Descent(alpha_weight=1e-2, high=1.5))
    )
    assert total_variation(even) < total_variation(plain)
    assert low.abs().max() < plain.abs().max()


def test_total_variation_is_the_sum_of_squared_differences():
    assert total_variation(torch.tensor([[0.0, 1.0], [3.0, 3.0]])) == 1 + 0 + 9 + 4


@pytest.mark.parametrize("rule", SignalRule)
def test_a_linear_convolution_sends_back_by_its_transpose(rule):
    conv = nn.Conv2d(2, 3, 3, stride=2, padding=1).double()
    x = torch.randn(2, 2, 9, 9, dtype=torch.float64)
    signal = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    expected = functional.conv_transpose2d(signal, conv.weight, stride=2, padding=1)
    assert torch.equal(deconv_net(conv, x, signal, rule), expected)


class Called(nn.Module):
    """The same network as in the test, with its ReLU as calls and in place."""

    def __init__(self, first, last):
        super().__init__()
        self.first, self.last = first, last

    def forward(self, x):
        x = functional.max_pool2d(torch.relu_(self.first(x)), 2)
        return self.last(x).relu()


@pytest.mark.parametrize("rule", SignalRule)
@pytest.mark.parametrize("called", [False, True])
def test_three_ways_back_differ_at_each_relu(rule, called):
    first, last = nn.Conv2d(1, 4, 3, padding=1).double(), nn.Conv2d(4, 3, 3).double()
    layers = nn.Sequential(first, nn.ReLU(inplace=True), nn.MaxPool2d(2), last, nn.ReLU(inplace=True))
    network = Called(first, last) if called else layers
    x = torch.randn(1, 1, 8, 8, dtype=torch.float64)
    z = first(x)
    pooled, switches = functional.max_pool2d(z.relu(), 2, return_indices=True)
    signal = torch.randn(1, 3, 2, 2, dtype=torch.float64)
    masks = {SignalRule.GRADIENT: (1, 0), SignalRule.DECONV_NET: (0, 1), SignalRule.GUIDED: (1, 1)}[rule]

    def back(s, z):
        s = s.relu() if masks[1] else s
        return s * (z > 0) if masks[0] else s

    s = functional.conv_transpose2d(back(signal, last(pooled)), last.weight)
    s = functional.conv_transpose2d(back(functional.max_unpool2d(s, switches, 2), z), first.weight, padding=1)
    torch.testing.assert_close(deconv_net(network, x, signal, rule), s, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_the_deconvnet_of_a_trained_network_is_not_its_gradient():
    network, x = trained()[: LAST + 1], digits()[2][:1]
    signal = unit_signal(network, x, 4)
    assert (signal != 0).sum() <= 1
    gradient = deconv_net(network, x, signal, SignalRule.GRADIENT)
    assert (deconv_net(network, x, signal) - gradient).abs().max() > 1e-3 * gradient.abs().max()


def striped(share, pictures=50, side=32):
    """Pictures of noise; a vertical edge of one pixel in as many as make that share of all pixels."""
    x = 0.05 * torch.rand(pictures, 1, side, side)
    concept = torch.zeros(pictures, 1, side, side, dtype=torch.bool)
    columns = torch.randint(4, side - 4, (pictures,))
    for number in range(round(share * pictures * side)):
        concept[number % pictures, 0, :, columns[number % pictures]] |= True
        x[number % pictures, 0, :, columns[number % pictures] :] += 1
    return x, concept


def test_a_planted_detector_of_edges_is_named():
    x, concept = striped(0.005)
    distractor = torch.rand(50, 1, 32, 32) < 0.005
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.ReLU())
    network[0].weight.data[0] = torch.tensor([[-1.0, 1, 0], [-1, 1, 0], [-1, 1, 0]])
    found = network_dissection(network, network[1], x, torch.cat([distractor, concept], 1))
    assert found.concept[0] == 1
    assert found.iou[0, 1] > 0.5
    assert found.iou[0, 0] < 0.04


@pytest.mark.parametrize(("share", "quantile"), [(0.02, 0.005), (0.02, 0.02), (0.05, 0.02)])
def test_no_iou_exceeds_the_ratio_of_the_shares(share, quantile):
    concept = torch.rand(50, 1, 32, 32) < share
    perfect = concept + 0.5 * torch.rand(50, 1, 32, 32)
    exact = concept.double().mean().item()
    iou = dissect_features(perfect, concept, quantile=quantile).iou.item()
    bound = min(exact, quantile) / max(exact, quantile)
    assert iou == pytest.approx(bound, rel=0.02)


def test_thresholds_are_of_all_positions_and_maps_are_enlarged():
    features = torch.randn(40, 3, 8, 8)
    concepts = torch.rand(40, 2, 16, 16) < 0.1
    found = dissect_features(features, concepts, quantile=0.05, least_iou=0.5)
    threshold = np.quantile(features.transpose(0, 1).flatten(1).double().numpy(), 0.95, axis=1)
    np.testing.assert_allclose(found.threshold.numpy(), threshold, rtol=1e-6)
    marked = functional.interpolate(features, (16, 16), mode="bilinear")[:, 1] > threshold[1]
    iou = (marked & concepts[:, 0]).sum() / (marked | concepts[:, 0]).sum()
    assert found.iou[1, 0].item() == pytest.approx(iou.item())
    assert found.concept.tolist() == [-1, -1, -1]


def test_a_blur_keeps_the_sum_and_spreads_as_scipys():
    from scipy.ndimage import gaussian_filter

    x = torch.zeros(1, 1, 31, 31, dtype=torch.float64)
    x[0, 0, 15, 14] = 1
    blurred = gaussian_blur(x, 21, 1.5)
    assert blurred.sum().item() == pytest.approx(1)
    expected = gaussian_filter(x[0, 0].numpy(), 1.5, radius=10, mode="constant")
    np.testing.assert_allclose(blurred[0, 0].numpy(), expected, atol=1e-12)


def test_networks_are_left_as_they_were():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout(), nn.ReLU()).train()
    network[1].eval()
    x = torch.rand(1, 1, 6, 6)
    activation_maximisation(network, 0, x[0], Ascent(steps=2))
    invert_features(network, torch.ones(1, 2, 4, 4), (1, 1, 6, 6), Descent(steps=2))
    deconv_net(network, x, unit_signal(network, x, 0))
    network_dissection(network, network[0], x, x > 0.5)
    assert [module.training for module in network] == [True, False, True]
    assert network[0].weight.grad is None
    assert network[0].weight.requires_grad
    assert not network[0]._forward_hooks


def test_bad_arguments_are_refused():
    network, x = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), torch.rand(2, 1, 6, 6)
    with pytest.raises(ArgumentError, match="a unit among the channels"):
        activation_maximisation(network, 2, x[0])
    with pytest.raises(ShapeError, match=r"start \(C, H, W\)"):
        activation_maximisation(network, 0, x)
    with pytest.raises(ArgumentError, match="a rate above 0"):
        Ascent(rate=0)
    with pytest.raises(ArgumentError, match="low below high"):
        Ascent(low=1.0)
    with pytest.raises(ArgumentError, match="not all 0"):
        invert_features(network, torch.zeros(1, 2, 4, 4), (1, 1, 6, 6))
    with pytest.raises(ShapeError, match="expected features"):
        invert_features(network, torch.ones(1, 2, 5, 5), (1, 1, 6, 6))
    with pytest.raises(ArgumentError, match="weights of 0 or more"):
        Descent(alpha_weight=-1)
    with pytest.raises(ArgumentError, match="a fall above 0"):
        Descent(fall=0)
    with pytest.raises(ShapeError, match="like the output"):
        deconv_net(network, x, x)
    with pytest.raises(ArgumentError, match="a unit among the channels"):
        unit_signal(network, x, 2)
    with pytest.raises(ShapeError, match="of the same pictures"):
        dissect_features(x, x[:1] > 0)
    with pytest.raises(DtypeError, match="dtype bool"):
        dissect_features(x, x)
    with pytest.raises(ArgumentError, match="quantile above 0"):
        dissect_features(x, x > 0, quantile=0)
