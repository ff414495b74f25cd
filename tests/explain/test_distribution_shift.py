"""The basis of kernels against scikit-learn, and the shift between networks against scipy."""

from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from sklearn.decomposition import PCA
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.distribution_shift import distribution_shift
from circulant.explain.filter_basis import basis_of, filter_basis, scaled_rows


def network(seed, channels=12):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, channels, 3), nn.ReLU(), nn.Conv2d(channels, 5, 3), nn.Conv2d(5, 2, 1))


def skewed(seed):
    """With taps that grow from left to right."""
    made = network(seed)
    for layer in made[::2]:
        layer.weight.data *= torch.tensor([0.2, 1.0, 3.0])
    return made


def test_the_basis_is_orthonormal_and_rebuilds_every_kernel():
    rows, basis = scaled_rows(network(0)), filter_basis(network(0))
    assert rows.shape == (96, 9)
    assert torch.allclose(
        basis.components @ basis.components.T, torch.eye(9, dtype=torch.float64), atol=1e-10
    )
    assert (basis.rebuilt(basis.coefficients(rows)) - rows).abs().max() < 1e-10


def test_the_basis_is_that_of_scikit_learn():
    rows, basis = scaled_rows(skewed(0)), filter_basis(skewed(0))
    known = PCA().fit(rows.numpy())
    np.testing.assert_allclose(basis.explained, known.explained_variance_ratio_, atol=1e-12)
    np.testing.assert_allclose(abs(basis.components.numpy() @ known.components_.T), np.eye(9), atol=1e-8)
    np.testing.assert_allclose(basis.mean, known.mean_, atol=1e-12)


def test_kernels_count_alike_whatever_their_scale():
    small = network(0)
    small[0].weight.data *= 1e-3
    assert torch.allclose(scaled_rows(small), scaled_rows(network(0)), atol=1e-6)
    assert scaled_rows(network(0)).abs().amax(1).eq(1).all()
    nn.init.zeros_(small[0].weight)
    assert scaled_rows(small)[:36].eq(0).all()


def test_fewer_kernels_than_taps_have_a_whole_basis_too():
    rows = torch.randn(4, 9, dtype=torch.float64)
    basis = basis_of(rows, (3, 3))
    assert torch.allclose(
        basis.components @ basis.components.T, torch.eye(9, dtype=torch.float64), atol=1e-10
    )
    assert basis.explained[3:].max() < 1e-20
    assert basis.explained.sum() == pytest.approx(1)


def test_a_network_is_not_shifted_from_itself():
    assert distribution_shift(network(0), network(0)).total == 0


def test_the_shift_is_symmetric_and_grows_with_the_difference():
    near = distribution_shift(network(0, 40), network(1, 40)).total
    far = distribution_shift(network(0, 40), skewed(1)).total
    assert distribution_shift(skewed(1), network(0, 40)).total == pytest.approx(far, rel=1e-9)
    assert 0 < near < far / 2


def test_the_shift_is_the_weighted_sum_of_symmetric_divergences():
    one, other = scaled_rows(network(0)), scaled_rows(skewed(1))
    shift = distribution_shift(network(0), skewed(1))
    pooled = PCA().fit(torch.cat([one, other]).numpy())
    turned = np.sign(np.diag(shift.basis.components.numpy() @ pooled.components_.T))
    a, b = (pooled.transform(rows.numpy()) * turned for rows in (one, other))
    reach = min(a.min(), b.min()), max(a.max(), b.max())
    total = 0.0
    for i in range(9):
        p, q = (np.histogram(c[:, i], 70, reach, density=True)[0] for c in (a, b))
        p, q = (np.where(h == 0, np.finfo(np.float32).eps, h) for h in (p, q))
        total += pooled.explained_variance_ratio_[i] * (entropy(p, q) + entropy(q, p))
    assert shift.total == pytest.approx(total, rel=1e-6)
    assert (shift.divergence > 0).all()


def test_the_plot_is_a_stand_alone_svg():
    root = ElementTree.fromstring(filter_basis(network(0)).plot())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(root.findall(".//{*}rect")) == 9 * 10


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="two bins or more"):
        distribution_shift(network(0), network(1), bins=1)
    with pytest.raises(ArgumentError, match="found none"):
        filter_basis(nn.Conv2d(1, 1, 5))
    with pytest.raises(ShapeError, match="two kernels or more"):
        filter_basis(nn.Conv2d(1, 1, 3))
