"""Eigenvalues by sector, and learning curves."""

import numpy as np
import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.explain.hierarchical_cnn_kernel import hierarchical_cnn_kernel
from circulant.explain.patch_spectrum import effective_dimension, patch_spectrum, power
from circulant.explain.spatial_scale_exponent import LearningCurve, learning_curve, spatial_scale_exponent


def directions(angles):
    """(n, patches) in radians -> inputs (n, 1, 2 patches)."""
    return torch.stack([angles.cos(), angles.sin()], -1).flatten(1)[:, None]


@pytest.mark.parametrize("name", ["nngp", "ntk"])
def test_waves_are_eigenfunctions_of_the_sampled_kernel(name):
    points = 12
    angle = torch.arange(points, dtype=torch.float64) * (2 * torch.pi / points)
    places = torch.cartesian_prod(angle, angle)
    x = directions(places)
    gram = getattr(hierarchical_cnn_kernel(x, x, (2, 2)), name)
    sectors = patch_spectrum((2, 2), points)
    assert [sector.level for sector in sectors] == [1, 2]
    for sector in sectors:
        for wave, eigenvalue in zip(sector.waves, getattr(sector, name)):
            function = (places * wave).cos().prod(1)
            assert torch.allclose(gram @ function / points**2, eigenvalue * function, atol=1e-10)


def test_sectors_are_the_smallest_patches_that_hold_a_wave():
    one, two, three = patch_spectrum((2, 2, 2), 8)
    assert [1, 2, 0, 0] not in one.waves.tolist()
    assert [0, 0, 2, 0] in one.waves.tolist()
    assert [0, 0, 1, 2] in two.waves.tolist()
    assert [0, 1, 1, 0] in three.waves.tolist()
    assert [sector.dimension for sector in (one, two, three)] == [1, 2, 4]
    assert sum(len(sector.waves) for sector in (one, two, three)) == 3**4 - 1


@pytest.mark.parametrize(("name", "steps"), [("ntk", 1), ("nngp", 3)])
def test_eigenvalues_fall_with_the_number_of_angles_of_their_sector(name, steps):
    for sector in patch_spectrum((2, 2), 256):
        largest = sector.waves.amax(1)
        chosen = (sector.waves.eq(0) | sector.waves.eq(largest[:, None])).all(1)
        chosen &= (largest % 2 == 0) & (largest >= 8) & (largest <= 32)
        found = power(sector.waves[chosen], getattr(sector, name)[chosen])
        assert found == pytest.approx(-(steps + sector.dimension), abs=0.25)


def test_the_effective_dimension_multiplies_the_sizes():
    assert [effective_dimension((3, 2, 4), level) for level in (1, 2, 3)] == [2, 4, 16]


def test_the_exponent_is_that_of_the_eigenvalues_which_are_not_learnt():
    found = [spatial_scale_exponent((2, 2, 2), level) for level in (1, 2, 3)]
    assert found == pytest.approx([5 / 8, 5 / 12, 1 / 4])
    assert spatial_scale_exponent((2, 2, 2), 3, teacher_smoothness=1.5) == 0.75
    assert spatial_scale_exponent((2,), 1, teacher_smoothness=9) == 4


def test_the_exponent_of_a_curve_is_its_slope():
    curve = LearningCurve((10, 20, 40), (0.8, 0.4, 0.2))
    assert curve.exponent == pytest.approx(1, abs=1e-12)


def test_the_error_of_a_curve_is_the_mean_over_drawn_targets():
    curve = learning_curve((2,), (2, 2), (20,), tested=30, seed=5)
    x = torch.randn(50, 1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    covariance = hierarchical_cnn_kernel(x, x, (2,)).ntk.numpy()
    kernel = hierarchical_cnn_kernel(x, x, (2, 2)).ntk.numpy()
    y = np.random.default_rng(0).multivariate_normal(np.zeros(50), covariance, 20_000).T
    missed = kernel[20:, :20] @ np.linalg.solve(kernel[:20, :20], y[:20]) - y[20:]
    variance = np.mean((y - y.mean(0)) ** 2)
    assert curve.errors[0] == pytest.approx(np.mean(missed**2) / variance, rel=0.03)


def test_targets_of_smaller_patches_are_learnt_faster():
    examples = (64, 128, 256, 512, 1024)
    shallow, middle, deep = (learning_curve((2,) * l, (2, 2, 2), examples, 128).exponent for l in (1, 2, 3))
    assert shallow > middle + 0.1 > deep + 0.2
    expected = [spatial_scale_exponent((2, 2, 2), level) for level in (1, 2, 3)]
    assert [shallow, middle, deep] == pytest.approx(expected, abs=0.12)


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match=r"sizes \(2, s_2"):
        patch_spectrum((3, 2))
    with pytest.raises(ArgumentError, match="at most"):
        patch_spectrum((2, 4, 2), 8)
    with pytest.raises(ArgumentError, match="level from 1 to 2"):
        effective_dimension((2, 2), 3)
    with pytest.raises(ArgumentError, match="same first size"):
        learning_curve((4,), (2, 2), (8,))
    with pytest.raises(ArgumentError, match="tested inputs"):
        learning_curve((2,), (2, 2), (8,), tested=0)
