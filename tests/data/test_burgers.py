"""Burgers' equation against exact solutions."""

import numpy as np
import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.data.burgers import burgers, random_fields, solve_burgers


def cole_hopf(points, viscosity, time):
    """u = -2 viscosity phi_x / phi with phi = 2 + exp(-4 pi^2 viscosity t) cos(2 pi x), which diffuses."""
    angle = 2 * np.pi * np.arange(points) / points
    fading = np.exp(-4 * np.pi**2 * viscosity * time)
    return (4 * np.pi * viscosity * fading * np.sin(angle) / (2 + fading * np.cos(angle)))[None]


@pytest.mark.parametrize(("viscosity", "time"), [(0.02, 1.0), (0.1, 0.5)])
def test_the_solver_follows_the_exact_solution_of_cole_and_hopf(viscosity, time):
    found = solve_burgers(cole_hopf(64, viscosity, 0.0), viscosity, time)
    assert np.abs(found - cole_hopf(64, viscosity, time)).max() < 1e-8


def test_a_faint_field_only_diffuses_and_its_mean_is_kept():
    angle = 2 * np.pi * np.arange(64) / 64
    found = solve_burgers(1e-9 * np.sin(3 * angle)[None], 0.01, 1.0)
    expected = 1e-9 * np.exp(-0.01 * (6 * np.pi) ** 2) * np.sin(3 * angle)[None]
    assert np.abs(found - expected).max() < 1e-17
    field = random_fields(2, 64, np.random.default_rng(0)) + 0.5
    assert np.allclose(solve_burgers(field, 0.05, 0.2).mean(1), field.mean(1), atol=1e-13)


def test_fields_have_the_covariance_asked_for():
    fields = random_fields(4000, 32, np.random.default_rng(1))
    k = np.arange(1, 16)
    expected = 2 * (25 / ((2 * np.pi * k) ** 2 + 25)) ** 2  # variance of each frequency
    assert abs(fields.var() / expected.sum() - 1) < 0.05


def test_examples_are_tensors_that_depend_on_the_seed_alone():
    x, y = burgers(2, 32, 0)
    assert x.shape == y.shape == (2, 1, 32)
    assert x.dtype == y.dtype == torch.float32
    assert torch.equal(burgers(2, 32, 0)[1], y)
    assert not torch.equal(burgers(2, 32, 1)[0], x)
    assert y.square().sum() < x.square().sum()


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="two points or more"):
        burgers(1, 1, 0)
    with pytest.raises(ArgumentError, match="viscosity > 0"):
        burgers(1, 8, 0, viscosity=0.0)
