"""Steady flow through a porous plate: -div(a grad u) = 1 on the unit square, u = 0 on its border.

The coefficient a takes two values, by the sign of a smooth Gaussian field with covariance
(-Laplace + tau^2)^-2 under zero-flux borders, as in Li et al., 2020, Fourier Neural Operator for
Parametric Partial Differential Equations (https://arxiv.org/abs/2010.08895). Asked for is u from a.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circulant.data.dataset import Dataset
from circulant.data.fields import Fields, generated
from circulant.data.installed import require

POINTS = 32
SLOW, FAST = 3.0, 12.0  # the two values of a
TAU = 3.0  # inverse length of correlation
SEED = 2010

Field = NDArray[np.float64]


def darcy_flow() -> Dataset:
    """Always the same pairs."""
    require("scipy", "compare")
    origin = (
        f"Darcy flow on the unit square, solved by finite volumes on {POINTS} x {POINTS} cells: from a "
        f"coefficient of {SLOW:g} or {FAST:g}, drawn from a thresholded Gaussian field, to the pressure."
    )
    return generated("Darcy", origin, darcy, POINTS, SEED)


def darcy(examples: int, points: int, seed: int) -> Fields:
    """Coefficients and solutions at the centres of points x points cells: (examples, 1, points, points)."""
    random = np.random.default_rng(seed)
    a = np.stack([coefficient(points, random) for _ in range(examples)])
    u = np.stack([solve(one, np.ones_like(one)) for one in a])
    return Fields(a[:, None].astype(np.float32), u[:, None].astype(np.float32))


def coefficient(points: int, random: np.random.Generator) -> Field:
    """Two values by the sign of a Gaussian field, which is a cosine series with independent weights."""
    from scipy.fft import idctn

    frequency = np.pi * np.arange(points)
    eigenvalue = frequency[:, None] ** 2 + frequency[None, :] ** 2 + TAU**2
    field = idctn(random.standard_normal((points, points)) / eigenvalue, type=2, norm="ortho")
    return np.where(field >= 0, FAST, SLOW)


def solve(a: Field, source: Field) -> Field:
    """Finite volumes: a and source at the centres of the cells of the unit square; u at the same places.

    The flux through a face meets the halves of its two cells one after the other, hence the harmonic
    mean; from a cell at the border to the border itself it is half as far.
    """
    from scipy.sparse.linalg import spsolve

    return spsolve(_operator(a), source.ravel() / a.size).reshape(a.shape)


def _operator(a: Field) -> Any:
    """Sum of the fluxes out of each cell, as a sparse matrix over the values u; square cells."""
    from scipy.sparse import coo_array

    number = np.arange(a.size).reshape(a.shape)
    rows, columns, values = [], [], []

    def add(row: NDArray[np.int_], column: NDArray[np.int_], value: Field) -> None:
        rows.append(row.ravel())
        columns.append(column.ravel())
        values.append(value.ravel())

    for axis in (0, 1):
        cells, index = np.moveaxis(a, axis, 0), np.moveaxis(number, axis, 0)
        left, right = index[:-1], index[1:]
        face = 2 * cells[:-1] * cells[1:] / (cells[:-1] + cells[1:])
        for one, other in ((left, right), (right, left)):
            add(one, one, face)
            add(one, other, -face)
        for edge in (0, -1):
            add(index[edge], index[edge], 2 * cells[edge])
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_array(entries, shape=(a.size, a.size)).tocsc()
