"""CKA against explicit sums and known limits."""

from itertools import permutations

import pytest
import torch

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.cka import Estimator, hsic, linear_cka, linear_gram, rbf_cka, rbf_gram


def drawn(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def turned(x, seed=1):
    """Rotated, scaled and shifted."""
    rotation, _ = torch.linalg.qr(drawn(x.shape[1], x.shape[1], seed=seed))
    return 3.7 * x @ rotation + drawn(x.shape[1], seed=2)


@pytest.mark.parametrize("measure", [linear_cka, rbf_cka])
@pytest.mark.parametrize("estimator", Estimator)
def test_a_rotated_scaled_and_shifted_copy_is_aligned_in_full(measure, estimator):
    x = drawn(40, 7)
    assert abs(measure(x, turned(x), estimator=estimator) - 1) < 1e-10
    assert measure(x, x**3, estimator=estimator) < 0.99


@pytest.mark.parametrize("gram", [linear_gram, rbf_gram])
def test_hsic_is_the_trace_with_centring_matrices(gram):
    k, l = gram(drawn(9, 5)), gram(drawn(9, 3, seed=1))
    centring = torch.eye(9, dtype=torch.float64) - 1 / 9
    expected = torch.trace(k @ centring @ l @ centring) / 64
    assert abs(hsic(k, l) - float(expected)) < 1e-12


def test_linear_cka_is_the_formula_of_the_features():
    x, y = drawn(30, 6), drawn(30, 4, seed=1)
    x, y = x + y[:, :1], y - 1
    a, b = x - x.mean(0), y - y.mean(0)
    expected = (a.T @ b).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())
    assert abs(linear_cka(x, y) - float(expected)) < 1e-12


def test_the_gaussian_kernel_is_that_of_the_distances():
    x = drawn(8, 3)
    distance = torch.stack([(x[i] - x[j]).norm() for i in range(8) for j in range(8)]).reshape(8, 8)
    middle = distance[torch.ones(8, 8).triu(1).bool()].median()
    expected = torch.exp(-(distance**2) / (2 * (0.4 * middle) ** 2))
    assert torch.allclose(rbf_gram(x, 0.4), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("count", "expected"), [(100, 0.18), (1000, 0.020), (4000, 0.005)])
def test_biased_alignment_of_independent_features_falls_as_channels_over_examples(count, expected):
    found = linear_cka(drawn(count, 20), drawn(count, 20, seed=1))
    assert found == pytest.approx(expected, rel=0.15)
    assert found == pytest.approx(20 / (count + 20), rel=0.15)


def test_the_unbiased_estimate_is_free_of_that():
    x, y = drawn(100, 20), drawn(100, 20, seed=1)
    assert abs(linear_cka(x, y, Estimator.UNBIASED)) < 0.03


@pytest.mark.parametrize(("estimator", "largest"), [(Estimator.UNBIASED, 1e-12), (Estimator.BIASED, None)])
def test_over_all_pairings_the_unbiased_estimate_alone_is_zero_on_average(estimator, largest):
    k, l = linear_gram(drawn(6, 3)), rbf_gram(drawn(6, 2, seed=1))
    paired = [list(order) for order in permutations(range(6))]
    average = sum(hsic(k, l[order][:, order], estimator) for order in paired) / len(paired)
    assert len(paired) == 720
    if largest is None:
        assert average > 1e-3
    else:
        assert abs(average) < largest


def test_features_that_do_not_vary_have_no_alignment():
    x = drawn(5, 3)
    assert linear_cka(x, torch.ones(5, 2)) != linear_cka(x, torch.ones(5, 2))  # nan
    assert rbf_cka(torch.zeros(5, 2), x) != rbf_cka(torch.zeros(5, 2), x)


def test_bad_arguments_are_refused():
    with pytest.raises(ShapeError, match="same examples in the same order"):
        linear_cka(drawn(4, 2), drawn(5, 2))
    with pytest.raises(ShapeError, match="N >= 4 for the unbiased"):
        linear_cka(drawn(3, 2), drawn(3, 2), Estimator.UNBIASED)
    with pytest.raises(ShapeError, match="two examples or more"):
        linear_cka(drawn(1, 2), drawn(1, 2))
    with pytest.raises(ArgumentError, match="bandwidth above 0"):
        rbf_cka(drawn(4, 2), drawn(4, 2), 0.0)
