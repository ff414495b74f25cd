"""The solver against flows that are known."""

from math import exp, pi

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.data.navier_stokes import Torus, navier_stokes, trajectories


def taylor_green(torus, waves=1):
    x, y = torus.grid()
    return torch.sin(2 * pi * waves * x / torus.side) * torch.sin(2 * pi * waves * y / torus.side)


@pytest.mark.parametrize(("points", "side"), [(16, 1.0), (15, 2 * pi)])
def test_a_taylor_green_vortex_fades_by_diffusion_alone(points, side):
    torus = Torus(points, side)
    first = taylor_green(torus)
    found = trajectories(first[None], viscosity=0.05, seconds=0.4, frames=4, step_seconds=1e-3, side=side)
    rate = 2 * (2 * pi / side) ** 2 * 0.05
    for frame in range(5):
        assert_close(found[0, frame], first * exp(-rate * 0.1 * frame), 2e-5)


def test_the_error_falls_with_the_square_of_the_step_where_diffusion_rules():
    first = taylor_green(Torus(8))[None]
    exact = first * exp(-8 * pi**2 * 0.1 * 0.1)
    errors = [
        (trajectories(first, viscosity=0.1, seconds=0.1, frames=1, step_seconds=step)[:, -1] - exact)
        .abs()
        .max()
        for step in (0.02, 0.01)
    ]
    assert 3.8 < errors[0] / errors[1] < 4.2


def test_convection_is_the_dealiased_product_of_velocity_and_slope():
    torus = Torus(24)
    x, y = torus.grid()
    w = torch.cos(2 * pi * x) + torch.sin(4 * pi * y)
    # -lap psi = w: u = dpsi/dy, v = -dpsi/dx
    u, v = torch.cos(4 * pi * y) / (4 * pi), torch.sin(2 * pi * x) / (2 * pi)
    expected = u * (-2 * pi * torch.sin(2 * pi * x)) + v * (4 * pi * torch.cos(4 * pi * y))
    assert_close(torch.fft.irfft2(torus.convection(torch.fft.rfft2(w)), s=(24, 24)), expected, 1e-12)


def test_without_viscosity_worth_speaking_of_energy_and_enstrophy_stay():
    found = navier_stokes(2, 32, seed=0, viscosity=1e-9, seconds=0.2, frames=1, step_seconds=1e-3)
    enstrophy = found.square().sum((-2, -1))
    assert_close(enstrophy[:, 1], enstrophy[:, 0], 2e-3)
    assert_close(found.mean((-2, -1)), torch.zeros(2, 2, dtype=torch.float64), 1e-12)


def test_forcing_is_balanced_by_diffusion_in_the_end():
    torus = Torus(8)
    forcing = taylor_green(torus)
    found = trajectories(
        torch.zeros(1, 8, 8), viscosity=1.0, seconds=1.0, frames=1, step_seconds=1e-2, forcing=forcing
    )
    assert_close(found[0, 1], forcing / (8 * pi**2), 1e-6)


def test_the_seed_decides_and_examples_are_smooth():
    first, again = (navier_stokes(2, 16, seed=3, seconds=0.01, frames=1) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, navier_stokes(2, 16, seed=4, seconds=0.01, frames=1))
    spectrum = torch.fft.rfft2(first[:, 0]).abs()
    assert spectrum[:, 1, 1].mean() > 20 * spectrum[:, 7, 7].mean()


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ArgumentError, match="points of 2 or more"):
        navier_stokes(1, 1, seed=0)
    with pytest.raises(ArgumentError, match="viscosity"):
        navier_stokes(1, 8, seed=0, viscosity=0.0)
