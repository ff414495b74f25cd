"""Nine maps of importance with known answers, and three ways to score them."""

from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from tests.explain.digit_network import LAST, digits, trained
from torch import nn
from torch.nn.functional import interpolate

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.explain.cell_surrogates import Cells, lime, ridge_coefficients, shap
from circulant.explain.class_maps import class_activation_map, grad_cam
from circulant.explain.gaussian_blur import gaussian_blur
from circulant.explain.gradient_maps import gradient, gradient_times_input, integrated_gradients
from circulant.explain.insertion_deletion import deletion, insertion
from circulant.explain.meaningful_perturbation import Perturbation, meaningful_perturbation
from circulant.explain.pointing_game import localisation_iou, pointing_game
from circulant.explain.rise import Masks, rise, rise_masks
from circulant.explain.saliency_maps import SaliencyMaps
from circulant.models.heads import PoolHead

SIDE = 8
TARGETS = torch.tensor([2, 0, 1])


def pictures(side=SIDE):
    return torch.rand(3, 2, side, side, dtype=torch.float64)


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(2 * SIDE**2, 3, bias=False)).double()


def products(network, x):
    """w x of each pixel, for the class of TARGETS."""
    return (network[1].weight[TARGETS].detach().reshape(x.shape) * x).sum(1)


def convolutional():
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 5, 3, padding=1), nn.Softplus(), PoolHead(5, 3)),
    ).double()


def test_a_gradient_is_the_largest_weight_over_the_channels():
    network, x = linear(), pictures()
    expected = network[1].weight[TARGETS].reshape(x.shape).abs().amax(1)
    torch.testing.assert_close(gradient(network, x, TARGETS).values, expected)


@pytest.mark.parametrize("method", [gradient_times_input, integrated_gradients])
def test_of_a_linear_network_both_products_are_weight_times_pixel(method):
    network, x = linear(), pictures()
    torch.testing.assert_close(method(network, x, TARGETS).values, products(network, x), rtol=0, atol=1e-12)


def test_integrated_gradients_add_up_to_the_difference_of_the_logits():
    network, x, baseline = convolutional(), pictures(), pictures() / 3
    maps = integrated_gradients(network, x, TARGETS, baseline=baseline, steps=200)
    logits = (network(x) - network(baseline)).gather(1, TARGETS[:, None])[:, 0]
    torch.testing.assert_close(maps.values.sum((1, 2)), logits, rtol=0, atol=1e-3)


@pytest.mark.parametrize("method", [shap, lime])
def test_of_a_linear_network_cells_have_the_sum_of_weight_times_pixel(method):
    network, x = linear(), pictures()
    maps = method(network, x, TARGETS, cells=Cells(side=4, samples=3), is_probability=False)
    sums = 4 * nn.functional.avg_pool2d(products(network, x), 2)
    torch.testing.assert_close(maps.values[:, ::2, ::2], sums, rtol=0, atol=1e-5)
    torch.testing.assert_close(maps.values[:, 1::2, 1::2], sums, rtol=0, atol=1e-5)


def test_coefficients_of_the_surrogate_are_those_of_scikit_learn():
    from sklearn.linear_model import Ridge

    drawn = np.random.default_rng(0)
    x, y, weight = drawn.integers(0, 2, (40, 7)).astype(float), drawn.normal(size=40), drawn.random(40)
    expected = Ridge(alpha=0.3).fit(x, y, sample_weight=weight).coef_
    np.testing.assert_allclose(ridge_coefficients(x, y, weight, 0.3), expected, atol=1e-10)


def test_shapley_values_add_up_to_the_difference_of_the_scores():
    network, x = convolutional(), pictures()
    maps = shap(network, x, TARGETS, cells=Cells(side=4, samples=1))
    scores = (network(x).softmax(1) - network(0 * x).softmax(1)).gather(1, TARGETS[:, None])[:, 0]
    torch.testing.assert_close(maps.values[:, ::2, ::2].sum((1, 2)), scores, rtol=0, atol=1e-12)


def test_shapley_values_of_a_product_are_shared_evenly():
    class Product(nn.Module):
        def forward(self, x):
            return torch.stack([x[:, 0, 0, 0] * x[:, 0, 0, 1], x[:, 0, 1, 0]], 1)

    x = torch.ones(1, 1, 2, 2, dtype=torch.float64)
    how = Cells(side=2, samples=400)
    maps = shap(Product(), x, torch.tensor([0]), cells=how, is_probability=False)
    torch.testing.assert_close(maps.values[0], torch.tensor([[0.5, 0.5], [0, 0]]).double(), rtol=0, atol=0.1)


def test_grad_cam_before_a_mean_and_a_linear_map_is_relu_of_cam_over_the_positions():
    network, x = convolutional(), pictures()
    layer, weight = network[4], network[5].classify.weight
    features = network[:5](x)
    cam = torch.einsum("bkhw,bk->bhw", features, weight[TARGETS])

    def enlarged(maps):
        return interpolate(maps[:, None], (SIDE, SIDE), mode="bilinear")[:, 0]

    found = class_activation_map(network, x, layer, weight, TARGETS).values
    torch.testing.assert_close(found, enlarged(cam))
    expected = enlarged(cam.relu() / (SIDE // 2) ** 2)
    torch.testing.assert_close(grad_cam(network, x, layer, TARGETS).values, expected, rtol=0, atol=1e-12)


def test_rise_with_masks_of_single_pixels_tends_to_what_a_linear_score_predicts():
    """Within 5 standard errors, p = 0.3, 20,000 masks."""
    share, count = 0.3, 20_000
    network, x = linear(), pictures()
    masks = Masks((torch.rand(count, SIDE, SIDE) < share).double(), share)
    found = rise(network, x, TARGETS, masks=masks, is_probability=False).values
    own = products(network, x)
    expected = (1 - share) * own + share * own.sum((1, 2))[:, None, None]
    scores = torch.einsum("bhw,nhw->bn", own, masks.values)
    error = scores.square().mean(1).sqrt() / (share * count) ** 0.5
    assert ((found - expected).abs() <= 5 * error[:, None, None]).all()


@pytest.mark.parametrize(("side", "share"), [(8, 0.5), (5, 0.1)])
def test_masks_keep_their_share_of_each_pixel_and_are_smooth(side, share):
    masks = rise_masks((28, 30), 4000, side, share).values
    assert masks.shape == (4000, 28, 30)
    assert masks.min() >= 0
    assert masks.max() <= 1
    torch.testing.assert_close(masks.mean(0), torch.full((28, 30), share), rtol=0, atol=0.05)
    assert masks.diff(dim=2).abs().max() <= 1 / -(-30 // side) + 1e-5


class Corner(nn.Module):
    """Class 1 as long as its corner is bright and sharp: one pixel off, one on."""

    def forward(self, x):
        score = 8 * (x[:, 0, :3, :3] * checks(3)).mean((1, 2))
        return torch.stack([0.3 - 0 * score, score], 1)


def checks(side):
    place = torch.arange(side)
    return 1.0 - 2.0 * ((place[:, None] + place) % 2)


def test_a_meaningful_perturbation_removes_what_the_class_needs_and_not_the_rest():
    x = ((1 + checks(21)) / 2)[None, None]
    how = Perturbation(size_weight=0.3, variation_weight=0.01)
    values = meaningful_perturbation(Corner(), x, torch.tensor([1]), how=how).values[0]
    assert values[1, 1] > 0.5
    assert values[10:, 10:].max() < 0.1


@pytest.mark.parametrize("pixels_per_step", [7, 16])
def test_areas_are_numpys_trapezoid_and_the_ends_are_those_of_picture_and_substrate(pixels_per_step):
    network, x = convolutional(), pictures()
    maps = gradient(network, x, TARGETS)

    def probability(z):
        return network(z).softmax(1).gather(1, TARGETS[:, None])[:, 0]

    out = deletion(network, maps, TARGETS, pixels_per_step=pixels_per_step)
    into = insertion(network, maps, TARGETS, pixels_per_step=pixels_per_step)
    assert out.probability.shape == (3, 1 + -(-(SIDE**2) // pixels_per_step))
    for curve, first, last in (
        (out, x, torch.zeros_like(x)),
        (into, gaussian_blur(x, 11, 5.0), x),
    ):
        torch.testing.assert_close(curve.probability[:, 0], probability(first))
        torch.testing.assert_close(curve.probability[:, -1], probability(last))
        step = 1 / (curve.probability.shape[1] - 1)
        expected = np.trapezoid(curve.probability.detach().numpy(), dx=step, axis=1)
        np.testing.assert_allclose(curve.area.detach().numpy(), expected, rtol=1e-12)


def test_pixels_are_replaced_in_the_order_of_their_values():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False)).double()
    x = torch.rand(1, 1, 2, 2, dtype=torch.float64)
    values = torch.tensor([[[0.1, 0.4], [0.3, 0.2]]])
    maps = SaliencyMaps("known", x, values)
    curve = deletion(network, maps, torch.tensor([0]), pixels_per_step=1).probability[0]
    expected = []
    for gone in ((), (1,), (1, 2), (1, 2, 3), (0, 1, 2, 3)):
        z = x.flatten().clone()
        z[list(gone)] = 0
        expected.append(network(z.reshape(1, 1, 2, 2)).softmax(1)[0, 0])
    torch.testing.assert_close(curve, torch.stack(expected))


def test_the_order_of_a_linear_score_has_the_smallest_area_of_deletion():
    network, x = linear(), pictures()
    maps = gradient_times_input(network, x, TARGETS)
    turned = SaliencyMaps("turned", x, -maps.values)
    best, worst = (deletion(network, each, TARGETS, pixels_per_step=4).area for each in (maps, turned))
    assert (best < worst).all()


def test_a_peak_hits_the_object_or_misses_it_within_the_tolerance():
    values = torch.zeros(2, 6, 6)
    values[0, 2, 3] = values[1, 5, 0] = 1
    objects = torch.zeros(2, 6, 6, dtype=torch.bool)
    objects[:, 1:3, 3:5] = True
    maps = SaliencyMaps("known", torch.zeros(2, 1, 6, 6), values)
    assert maps.peaks.tolist() == [[2, 3], [5, 0]]
    assert pointing_game(maps, objects).hits.tolist() == [True, False]
    assert pointing_game(maps, objects, tolerance=2).accuracy == 0.5
    assert pointing_game(maps, objects, tolerance=3).accuracy == 1.0


def test_localisation_compares_the_boxes_of_the_largest_patch_and_of_the_object():
    values = torch.zeros(1, 8, 8)
    values[0, 0, 0] = 1.0
    values[0, 2:6, 2:6] = 0.5
    objects = torch.zeros(1, 8, 8, dtype=torch.bool)
    objects[0, 2:6, 4:8] = True
    maps = SaliencyMaps("known", torch.zeros(1, 1, 8, 8), values)
    assert localisation_iou(maps, objects).item() == pytest.approx(8 / 24)


def mosaic(count):
    """Four digits of different classes in one picture, and where the first of them went."""
    _, _, x, y = digits()
    drawn = torch.Generator().manual_seed(1)
    canvas, objects = torch.zeros(count, 1, 56, 56), torch.zeros(count, 56, 56, dtype=torch.bool)
    targets = torch.zeros(count, dtype=torch.int64)
    for number in range(count):
        classes = torch.randperm(10, generator=drawn)[:4]
        for place, digit in enumerate(classes.tolist()):
            rows, columns = (slice(28 * n, 28 * n + 28) for n in divmod(place, 2))
            same = torch.nonzero(y == digit)[:, 0]
            pick = int(same[torch.randint(len(same), (), generator=drawn)])
            canvas[number, :, rows, columns] = x[pick]
            if place == number % 4:
                objects[number, rows, columns], targets[number] = True, digit
    return canvas, objects, targets


@pytest.mark.slow
def test_grad_cam_points_at_the_asked_digit_among_four():
    """More than 80 % of 200 mosaics."""
    canvas, objects, targets = mosaic(200)
    maps = grad_cam(trained(), canvas, trained()[LAST], targets)
    assert pointing_game(maps, objects).accuracy > 0.8


def test_plots_are_stand_alone_svg():
    network, x = convolutional(), pictures()
    maps = gradient(network, x)
    for picture in (maps.plot(1), deletion(network, maps).plot(), insertion(network, maps).plot()):
        assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"


def test_networks_are_left_as_they_were():
    network, x = convolutional().train(), pictures()
    network[1].eval()
    modes = [module.training for module in network.modules()]
    for maps in (
        gradient(network, x),
        integrated_gradients(network, x, steps=2),
        grad_cam(network, x, network[4]),
        shap(network, x, cells=Cells(2, 1)),
        rise(network, x, masks=rise_masks((SIDE, SIDE), 3, 2)),
        meaningful_perturbation(network, x, how=Perturbation(2, 1)),
    ):
        assert maps.values.shape == (3, SIDE, SIDE)
        assert not maps.values.requires_grad
    assert [module.training for module in network.modules()] == modes
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())
    assert not network[4]._forward_hooks


def test_without_targets_the_decision_of_the_network_is_explained():
    network, x = convolutional(), pictures()
    decided = network(x).argmax(1)
    assert torch.equal(gradient(network, x).values, gradient(network, x, decided).values)


def test_bad_arguments_are_refused():
    network, x = convolutional(), pictures()
    with pytest.raises(ShapeError, match="pictures x"):
        gradient(network, x[0])
    with pytest.raises(DtypeError, match="floating-point"):
        gradient(network, x.long())
    with pytest.raises(ShapeError, match="one class for each of 3"):
        gradient(network, x, TARGETS[:2])
    with pytest.raises(ArgumentError, match="classes from 0 to 2"):
        gradient(network, x, TARGETS + 1)
    with pytest.raises(ShapeError, match="gives logits"):
        gradient(network[:3], x)
    with pytest.raises(ArgumentError, match="steps of 1"):
        integrated_gradients(network, x, steps=0)
    with pytest.raises(ShapeError, match="a baseline"):
        integrated_gradients(network, x, baseline=x[0])
    with pytest.raises(ArgumentError, match="layers of the network"):
        grad_cam(network, x, nn.ReLU())
    with pytest.raises(ShapeError, match=r"weight \(classes, 5\)"):
        class_activation_map(network, x, network[4], torch.ones(3, 4))
    with pytest.raises(ArgumentError, match="share above 0"):
        rise_masks((8, 8), share=0)
    with pytest.raises(ShapeError, match="masks"):
        rise(network, x, masks=rise_masks((9, 9), 2))
    with pytest.raises(ArgumentError, match="cells along an axis"):
        shap(network, x, cells=Cells(side=9))
    with pytest.raises(ArgumentError, match="side and samples"):
        Cells(side=0)
    with pytest.raises(ArgumentError, match="width above 0"):
        lime(network, x, width=0)
    with pytest.raises(ArgumentError, match="a side of 2"):
        Perturbation(side=1)


def test_bad_arguments_of_the_scores_are_refused():
    network, x = convolutional(), pictures()
    maps = gradient(network, x)
    with pytest.raises(ShapeError, match="a substrate"):
        deletion(network, maps, substrate=x[:1])
    with pytest.raises(ArgumentError, match="pixels_per_step"):
        insertion(network, maps, pixels_per_step=0)
    with pytest.raises(ShapeError, match="of the objects"):
        pointing_game(maps, torch.ones(1, 2, 2).bool())
    with pytest.raises(DtypeError, match="dtype bool"):
        pointing_game(maps, maps.values)
    with pytest.raises(ArgumentError, match="a tolerance"):
        pointing_game(maps, maps.values > 0, tolerance=-1)
    with pytest.raises(ArgumentError, match="a level"):
        localisation_iou(maps, maps.values > 0, level=1.0)
