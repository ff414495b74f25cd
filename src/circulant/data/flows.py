"""Generated sets of two periodic flows: what becomes of a random field after a while."""

from math import pi

import torch
from torch import Tensor

from circulant.data.burgers import burgers
from circulant.data.dataset import Dataset
from circulant.data.fields import Fields, generated
from circulant.data.navier_stokes import Torus, navier_stokes

LINE, SQUARE = 64, 32  # points along an axis
SEED = 2010
SECONDS, STEP_SECONDS = 5.0, 0.02  # of the two-dimensional flow; half the step changes it by 4e-4
VISCOSITY = 1e-3


def burgers_flow() -> Dataset:
    """Always the same pairs."""
    origin = (
        f"Burgers' equation with viscosity 0.01 on a periodic line of {LINE} points, solved by a spectral "
        "method: from a random Gaussian field to the solution 1 s later."
    )
    return generated("Burgers", origin, _burgers, LINE, SEED)


def _burgers(examples: int, points: int, seed: int) -> Fields:
    start, end = burgers(examples, points, seed)
    return Fields(start.numpy(), end.numpy())


def navier_stokes_flow() -> Dataset:
    """Always the same pairs."""
    origin = (
        f"Forced flow with viscosity {VISCOSITY:g} on a periodic square of {SQUARE} x {SQUARE} points, "
        f"solved by a spectral method: from a random vorticity to that {SECONDS:g} s later."
    )
    return generated("Navier-Stokes", origin, _navier_stokes, SQUARE, SEED)


def _navier_stokes(examples: int, points: int, seed: int) -> Fields:
    frames = navier_stokes(
        examples, points, seed, viscosity=VISCOSITY, seconds=SECONDS, frames=1, step_seconds=STEP_SECONDS,
        forcing=_forcing(points),
    )  # fmt: skip
    start, end = frames[:, :1].float().numpy(), frames[:, -1:].float().numpy()
    return Fields(start, end)


def _forcing(points: int) -> Tensor:
    """As in Li et al., 2020, Fourier Neural Operator (https://arxiv.org/abs/2010.08895)."""
    x, y = Torus(points).grid()
    return 0.1 * (torch.sin(2 * pi * (x + y)) + torch.cos(2 * pi * (x + y)))
