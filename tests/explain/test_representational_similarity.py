"""Representational similarity against scipy, step by step."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from circulant.core.errors import ShapeError
from circulant.explain.representational_similarity import (
    dissimilarity,
    rank_correlation,
    representational_similarity,
)


def drawn(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_it_is_spearmans_correlation_of_the_triangles():
    x = drawn(12, 7)
    y = x[:, :5] + 0.5 * drawn(12, 5, seed=1)
    expected = spearmanr(pdist(x.numpy(), "correlation"), pdist(y.numpy(), "correlation")).statistic
    assert abs(representational_similarity(x, y) - expected) < 1e-12
    assert 0.1 < expected < 0.9


def test_scale_and_shift_of_an_example_do_not_matter():
    x = drawn(10, 2, 3)
    scaled = x * torch.rand(10, 1, 1, dtype=torch.float64).add(0.5) + drawn(10, 1, 1, seed=1)
    assert abs(representational_similarity(x, scaled) - 1) < 1e-12


def test_opposite_examples_are_the_most_dissimilar():
    x = torch.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 2.0, 1.0], [5.0, 5.0, 5.0]])
    expected = [[0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 2.0, 1.0], [2.0, 2.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
    np.testing.assert_allclose(dissimilarity(x), expected, atol=1e-12)


def test_an_example_drawn_twice_is_not_compared_with_itself():
    far, other = dissimilarity(drawn(6, 5)), dissimilarity(drawn(6, 5, seed=1))
    drawn_rows = torch.tensor([0, 1, 1, 2, 3, 4, 5])
    pairs = [(i, j) for i in range(7) for j in range(i + 1, 7) if (i, j) != (1, 2)]
    values = [[float(m[drawn_rows[i], drawn_rows[j]]) for i, j in pairs] for m in (far, other)]
    repeated = [m[drawn_rows][:, drawn_rows] for m in (far, other)]
    assert abs(rank_correlation(*repeated, drawn_rows) - spearmanr(*values).statistic) < 1e-12


def test_equal_dissimilarities_have_no_order():
    assert np.isnan(representational_similarity(torch.eye(4), drawn(4, 3)))


def test_too_few_examples_are_refused():
    with pytest.raises(ShapeError, match="same three or more examples"):
        representational_similarity(drawn(2, 3), drawn(2, 3))
    with pytest.raises(ShapeError, match="same three or more examples"):
        representational_similarity(drawn(4, 3), drawn(5, 3))
