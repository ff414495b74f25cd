"""The negative norm against known values, and refining by it."""

from functools import cache
from math import pi

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.data.navier_stokes import Torus, navier_stokes
from circulant.models.spatiotemporal_neural_operator import SpatiotemporalNeuralOperator
from circulant.train.fit import fit
from circulant.train.negative_sobolev_loss import NegativeSobolevLoss
from circulant.train.recipe import Recipe
from circulant.train.spectral_refine import Flow, spectral_refine


def test_the_norm_of_a_sine_is_the_analytic_one():
    x, _ = Torus(32).grid()
    for wave in (1, 5):
        field = torch.sin(2 * pi * wave * x)
        expected = torch.tensor(0.5 / (0.1 + (2 * pi * wave) ** 2), dtype=torch.float64)
        assert_close(NegativeSobolevLoss().square(field), expected, 1e-12)
        assert_close(NegativeSobolevLoss()(field[None, None]), expected.sqrt(), 1e-12)


def test_it_is_the_energy_of_a_poisson_problem():
    n, alpha = 12, 0.1
    field = torch.randn(n, n, dtype=torch.float64)
    place = torch.arange(n, dtype=torch.float64)
    waves = torch.exp(-2j * pi * torch.outer(place, place) / n)
    number = torch.where(torch.arange(n) > n // 2, torch.arange(n) - n, torch.arange(n))
    second = (waves.conj() @ torch.diag(-((2 * pi * number.double()) ** 2) + 0j) @ waves / n).real
    one = torch.eye(n, dtype=torch.float64)
    laplacian = torch.kron(second, one) + torch.kron(one, second)
    solution = torch.linalg.solve(alpha * torch.eye(n * n, dtype=torch.float64) - laplacian, field.flatten())
    expected = (field.flatten() * solution).mean()
    assert_close(NegativeSobolevLoss(alpha=alpha).square(field), expected, 1e-10)


def test_order_zero_is_the_root_mean_square_and_fields_are_compared():
    found, wanted = (torch.randn(2, 3, 8, 8, dtype=torch.float64) for _ in range(2))
    expected = (found - wanted).square().mean((1, 2, 3)).sqrt().mean()
    assert_close(NegativeSobolevLoss(0.0)(found, wanted), expected)
    with pytest.raises(ArgumentError, match="alpha"):
        NegativeSobolevLoss(alpha=0.0)


def test_an_exact_vortex_leaves_no_residual():
    x, y = Torus(32).grid()
    vortex = torch.sin(2 * pi * x) * torch.sin(2 * pi * y)
    flow = Flow(viscosity=1e-3, frame_seconds=0.1)
    assert flow.residual(vortex, flow.solver_rate(vortex)).abs().max() < 5e-10  # rounding over a step of 1e-6
    assert flow.residual(vortex, -8e-3 * pi**2 * vortex).abs().max() < 1e-12


def test_solutions_of_the_solver_leave_next_to_none_and_others_do():
    found = navier_stokes(1, 32, seed=0, seconds=0.4, frames=4, step_seconds=2e-3)
    flow, loss = Flow(1e-3, 0.1), NegativeSobolevLoss()
    solved = loss(flow.trajectory_residual(found[:, 0], found[:, 1:]))
    frozen = loss(flow.trajectory_residual(found[:, 0], found[:, :1].expand(-1, 4, -1, -1)))
    assert 100 * solved < frozen


@cache
def trained():
    """A small operator for five frames after five, and flows it has not seen."""
    vorticity = navier_stokes(38, 32, seed=0, seconds=1.0, frames=10, step_seconds=5e-3)
    x, y = vorticity[:, 1:6], vorticity[:, 6:]
    torch.manual_seed(0)
    network = SpatiotemporalNeuralOperator((6, 6, 3), 8, steps=5, latent_steps=5, depth=3)
    recipe = Recipe(batch=8, weight_decay=0.0)
    fit(network, x[:36].float(), y[:36].float(), steps=60, loss=relative_error, recipe=recipe)
    return network.double(), x[36:37], y[36:37]


def relative_error(found, wanted):
    return (found - wanted).square().sum() / wanted.square().sum()


@pytest.mark.slow
def test_refining_shrinks_the_estimator_and_the_true_error_and_touches_nothing_else():
    network, x, y = trained()
    flow, loss = Flow(1e-3, 0.1), NegativeSobolevLoss()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    refined = spectral_refine(network, x, flow, (12, 12, 7), steps=120)
    with torch.no_grad():
        first, last = network(x), refined.network(x)
    old, new = (loss(flow.trajectory_residual(x[:, -1], frames)) for frames in (first, last))
    assert 2 * new <= old
    assert abs(refined.estimates[0] - old) < 1e-9
    assert 4 * relative_error(last, y) <= relative_error(first, y)  # squares: an error of half the size
    for name, value in refined.network.state_dict().items():
        if not name.startswith("output."):
            assert torch.equal(value, before[name])
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_wider_output_layer_starts_as_the_old_one():
    torch.manual_seed(0)
    network = SpatiotemporalNeuralOperator((2, 3, 2), 6, steps=4, latent_steps=3, depth=2).double()
    torch.nn.init.normal_(network.output.bias)
    x = torch.randn(2, 5, 12, 12, dtype=torch.float64)
    expected = network(x)
    assert expected.shape == (2, 4, 12, 12)
    network.output = network.output.widened((4, 6, 3))
    assert_close(network(x), expected)
    with pytest.raises(ArgumentError, match="or more"):
        network.output.widened((1, 6, 3))
