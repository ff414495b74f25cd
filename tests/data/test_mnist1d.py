"""The generated digits follow the published recipe, step by step, and are the same every time."""

import numpy as np
import pytest
from scipy.interpolate import interp1d
from scipy.ndimage import gaussian_filter1d

from circulant.data.load import load
from circulant.data.mnist1d import FIGURES, figures, mnist_1d, resampled, smoothed


@pytest.fixture(scope="module")
def dataset():
    return mnist_1d()


def test_it_has_the_published_sizes(dataset):
    assert dataset.shape == (1, 40)
    assert (len(dataset.train), len(dataset.test)) == (4000, 1000)
    assert dataset.classes == tuple("0123456789")
    together = np.concatenate([dataset.train.y, dataset.test.y])
    assert np.bincount(together).tolist() == [500] * 10


def test_it_is_standardised_as_a_whole(dataset):
    together = np.concatenate([dataset.train.x, dataset.test.x]).astype(np.float64)
    assert abs(together.mean()) < 1e-6
    assert together.std() == pytest.approx(1, abs=1e-6)


def test_it_is_the_same_in_every_call_whatever_the_split_seed_and_the_global_state(dataset):
    np.random.seed(7)
    assert load("MNIST1D", None, None, 5).fingerprint == dataset.fingerprint


def test_figures_begin_at_zero_and_have_one_spread():
    x = figures()
    assert x.shape == (10, 12)
    assert (x[:, 0] == 0).all()
    assert (6 * x).std(axis=1) == pytest.approx(np.ones(10))
    assert len({tuple(figure) for figure in FIGURES}) == 10


def test_resampling_and_smoothing_are_those_of_scipy():
    x = np.random.default_rng(0).normal(size=72)
    line = interp1d(np.linspace(0, 1, 72), x)(np.linspace(0, 1, 40))
    assert resampled(x, 40) == pytest.approx(line, abs=1e-12)
    assert smoothed(x) == pytest.approx(gaussian_filter1d(x, 2), abs=1e-12)


def test_examples_of_one_class_differ_and_their_figure_can_be_found_in_them(dataset):
    """Matched by sliding the stretched figure over the example, far more often than one in ten."""
    widths = (6, 7, 8, 9, 10)
    templates = [[resampled(figure, width) for width in widths] for figure in figures()]

    def match(signal, figure):
        best = -1.0
        for shape in figure:
            places = np.lib.stride_tricks.sliding_window_view(signal, len(shape))
            centred = places - places.mean(1, keepdims=True)
            wanted = (shape - shape.mean()) / np.linalg.norm(shape - shape.mean())
            best = max(best, (centred @ wanted / np.linalg.norm(centred, axis=1)).max())
        return best

    found = [np.argmax([match(x[0], figure) for figure in templates]) for x in dataset.test.x[:200]]
    assert (np.array(found) == dataset.test.y[:200]).mean() > 0.4
