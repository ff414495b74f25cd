"""Frames that are known, minima that are known, and a network trained past zero error."""

from itertools import pairwise
from math import sqrt

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.data.mnist import mnist_5k
from circulant.explain.deep_linear_collapse import DeepLinearCollapse
from circulant.explain.neural_collapse import (
    Frame,
    class_means,
    collapse_by_layer,
    network_collapse,
    neural_collapse_metrics,
)
from circulant.explain.orthogonal_frame import generalized_orthogonal_frame, largest_load
from circulant.train.fit import fit
from circulant.train.predict import predict
from circulant.train.recipe import Recipe

LABELS = torch.tensor([0, 0, 1, 1, 1, 2, 3, 3])


def turned(rows):
    """Rows (K, K) in six dimensions, at random."""
    directions, _ = torch.linalg.qr(torch.randn(6, rows.shape[1], dtype=torch.float64))
    return rows @ directions.T


@pytest.mark.parametrize("frame", Frame)
def test_an_exact_frame_with_collapsed_features_scores_zero(frame):
    centre = 1 / 4 if frame is Frame.SIMPLEX else 0
    arms = turned(torch.eye(4, dtype=torch.float64) - centre)
    found = neural_collapse_metrics(2.5 * arms[LABELS], LABELS, 0.7 * arms, frame)
    assert max(found.within, found.weights, found.alignment) < 1e-12
    other = Frame.ORTHOGONAL if frame is Frame.SIMPLEX else Frame.SIMPLEX
    assert neural_collapse_metrics(arms[LABELS], LABELS, arms, other).weights > 0.1


def test_a_shift_of_all_features_matters_to_the_orthogonal_frame_alone():
    arms = turned(torch.eye(4, dtype=torch.float64))
    centred = arms - arms.mean(0)
    moved = centred[LABELS] + torch.randn(6, dtype=torch.float64)
    simplex = neural_collapse_metrics(moved, LABELS, centred, Frame.SIMPLEX)
    assert max(simplex.within, simplex.alignment) < 1e-12
    assert neural_collapse_metrics(moved, LABELS, arms, Frame.ORTHOGONAL).alignment > 0.1


def test_the_metrics_are_their_formulas():
    features = torch.randn(8, 6, dtype=torch.float64)
    weight = torch.randn(4, 6, dtype=torch.float64)
    found = neural_collapse_metrics(features, LABELS, weight, Frame.SIMPLEX)
    means = torch.stack([features[k == LABELS].mean(0) for k in range(4)])
    within = sum(torch.outer(h, h) for h in features - means[LABELS]) / 8
    between = sum(torch.outer(m, m) for m in means - means.mean(0)) / 4
    expected = torch.trace(within @ torch.linalg.pinv(between, hermitian=True, rtol=1e-10)) / 4
    assert found.within == pytest.approx(float(expected), rel=1e-8)
    simplex = (torch.eye(4, dtype=torch.float64) - 0.25) / sqrt(3)
    for value, matrix in (
        (found.weights, weight @ weight.T),
        (found.alignment, weight @ (means - means.mean(0)).T),
    ):
        assert value == pytest.approx(float((matrix / matrix.norm() - simplex).norm()), abs=1e-12)


def test_layers_in_a_row_are_measured_with_the_product_of_the_rest():
    weights = [torch.randn(5, 6), torch.randn(7, 5), torch.randn(4, 7)]
    features = torch.randn(8, 6)
    first, _, last = collapse_by_layer(weights, features, LABELS, Frame.ORTHOGONAL)
    w1, w2, w3 = (weight.double() for weight in weights)
    assert first == neural_collapse_metrics(features, LABELS, w3 @ (w2 @ w1), Frame.ORTHOGONAL)
    inside = features.double() @ w1.T @ w2.T
    assert last.within == pytest.approx(
        neural_collapse_metrics(inside, LABELS, w3, Frame.ORTHOGONAL).within, rel=1e-9
    )


def decays(counts, depth, load):
    """Weight and feature decay that give b = load."""
    total, feature_decay = sum(counts), 0.01
    return load / (depth * total) * (total * feature_decay) ** (-1 / depth), feature_decay


def settled(counts, depth, load, deviation=0.5):
    """The lowest of three minima, found from three starts."""
    torch.manual_seed(1)
    options = counts, depth, 6, *decays(counts, depth, load), deviation
    models = [DeepLinearCollapse(*options) for _ in range(3)]
    model = min(models, key=lambda one: one.settle())
    with torch.no_grad():
        return model.product(), class_means(model.features, model.labels, len(counts)), model


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize(("counts", "load", "kept"), [((20, 10, 5), 1.0, 3), ((20, 10, 1), 2.0, 2)])
def test_training_ends_in_the_frame_of_the_closed_form(counts, load, kept, depth):
    product, means, model = settled(counts, depth, load)
    frame = generalized_orthogonal_frame(counts, depth, *decays(counts, depth, load))
    for found, lengths in ((product, frame.rows), (means, frame.means)):
        assert found.norm(dim=1).tolist() == pytest.approx(list(lengths), abs=1e-4)
        gram = found @ found.T
        assert (gram - gram.diag().diag()).abs().max() < 1e-6
    assert (model.features.detach() - means[model.labels]).abs().max() < 1e-5
    assert frame.means[kept:] == (0,) * (3 - kept)
    assert all(a > b for a, b in pairwise(frame.rows[:kept]))
    assert all(a < b for a, b in pairwise(frame.means[:kept]))


def test_the_closed_form_is_stationary_and_no_start_ends_lower():
    counts, depth, load = (7, 4), 2, 1.2
    frame = generalized_orthogonal_frame(counts, depth, *decays(counts, depth, load))
    model = DeepLinearCollapse(counts, depth, 2, *decays(counts, depth, load))
    side = torch.tensor(frame.rows, dtype=torch.float64).sqrt().diag()
    with torch.no_grad():
        for weight in model.weights:
            weight.copy_(side)
        model.features.copy_(torch.tensor(frame.means, dtype=torch.float64).diag()[model.labels])
    lowest = model()
    lowest.backward()
    assert max(float(value.grad.abs().max()) for value in model.parameters()) < 1e-12
    for _ in range(3):
        other = DeepLinearCollapse(counts, depth, 2, *decays(counts, depth, load))
        assert other.settle() >= lowest.item() - 1e-10


@pytest.mark.parametrize("depth", [2, 3])
def test_a_small_start_of_two_layers_or_more_ends_in_zero_though_that_is_not_the_lowest(depth):
    product, means, model = settled((20, 10, 5), depth, 1.0, deviation=0.01)
    assert max(float(product.abs().max()), float(means.abs().max())) < 1e-6
    assert model().item() > settled((20, 10, 5), depth, 1.0)[2]().item() + 0.01


@pytest.mark.parametrize(("depth", "largest"), [(1, 1.0), (2, 0.5), (3, 0.5291)])
def test_a_class_is_given_up_from_the_largest_load_on(depth, largest):
    assert largest_load(depth) == pytest.approx(largest, abs=1e-4)
    counts = (10, 5)
    for share, kept in ((0.99, True), (1.01, False)):
        frame = generalized_orthogonal_frame(counts, depth, *decays(counts, depth, share * largest * 5))
        assert frame.rows[0] > 0
        assert (frame.rows[1] > 0) == (frame.means[1] > 0) == kept


def test_classes_of_a_network_go_on_collapsing_after_its_last_error():
    digits = mnist_5k(0).train
    x, y = torch.from_numpy(digits.x[::10]), torch.from_numpy(digits.y[::10])
    network = nn.Sequential(
        nn.Conv2d(1, 12, 5, 2), nn.ReLU(), nn.Conv2d(12, 24, 3, 2), nn.ReLU(), nn.Flatten(),
        nn.Linear(600, 48), nn.ReLU(), nn.Linear(48, 10),
    )  # fmt: skip
    recipe = Recipe(learning_rate=3e-3)
    for _ in range(8):
        fit(network, x, y, steps=100, recipe=recipe)
        if bool((predict(network, x) == y).all()):
            break
    assert bool((predict(network, x) == y).all())
    at_last_error = network_collapse(network, network[-1], x, y).within
    fit(network, x, y, steps=400, recipe=recipe)
    assert network_collapse(network, network[-1], x, y).within < at_last_error / 2


def test_a_network_is_measured_in_eval_mode_and_put_back():
    network = nn.Sequential(nn.Linear(3, 6), nn.Dropout(), nn.Linear(6, 4, bias=False)).train()
    x = torch.randn(8, 3)
    found = network_collapse(network, network[2], x, LABELS)
    assert found == neural_collapse_metrics(network[0](x), LABELS, network[2].weight, Frame.ORTHOGONAL)
    assert network.training
    assert not network[2]._forward_pre_hooks


def test_bad_arguments_are_refused():
    with pytest.raises(ShapeError, match="features"):
        neural_collapse_metrics(torch.randn(8, 6), LABELS, torch.randn(4, 5), Frame.SIMPLEX)
    with pytest.raises(ShapeError, match="whole number for each of 8"):
        neural_collapse_metrics(torch.randn(8, 6), LABELS[:7], torch.randn(4, 6), Frame.SIMPLEX)
    with pytest.raises(ArgumentError, match="each at least once"):
        neural_collapse_metrics(torch.randn(8, 6), LABELS, torch.randn(5, 6), Frame.SIMPLEX)
    with pytest.raises(ShapeError, match="each of the next's input size"):
        collapse_by_layer([torch.randn(5, 6), torch.randn(4, 6)], torch.randn(8, 6), LABELS, Frame.SIMPLEX)
    with pytest.raises(ArgumentError, match="layer of the network itself"):
        network_collapse(nn.Linear(3, 4), nn.Linear(3, 4), torch.randn(8, 3), LABELS)
    with pytest.raises(ArgumentError, match="two or more classes"):
        generalized_orthogonal_frame((3, 0), 1, 0.1, 0.1)
    with pytest.raises(ArgumentError, match="no single minimum"):
        generalized_orthogonal_frame((3, 2), 1, 0.0, 0.1)
    with pytest.raises(ArgumentError, match="width of at least the 3 classes"):
        DeepLinearCollapse((3, 2, 1), 1, 2, 0.1, 0.1)
