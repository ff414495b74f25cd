"""Solutions of Burgers' equation u_t + u u_x = viscosity u_xx on [0, 1), periodic."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circulant.core.errors import ArgumentError

Array = NDArray[np.float64]
FINE = 256  # points of the grid on which the equation is solved, at least
STEPS_PER_POINT = 2  # steps of time for each point of that grid: far below the limit of stability at |u| ~ 1


def burgers(
    examples: int, points: int, seed: int, *, viscosity: float = 0.01, time: float = 1.0
) -> tuple[Tensor, Tensor]:
    """x (N, 1, points), a random field, and y (N, 1, points), what becomes of it at that time, in float32.

    The field is Gaussian with covariance 625 (-Laplace + 25)^-2, as for the Fourier neural operator.
    """
    if examples < 1 or points < 2:
        raise ArgumentError(f"expected an example and two points or more, got {examples} and {points}")
    every = -(-FINE // points)  # the fine grid holds the points of the coarse one
    start = random_fields(examples, every * points, np.random.default_rng(seed))
    end = solve_burgers(start, viscosity, time)
    x, y = (torch.from_numpy(u[:, None, ::every].astype(np.float32)) for u in (start, end))
    return x, y


def random_fields(examples: int, points: int, generator: np.random.Generator) -> Array:
    """(examples, points): a cosine and a sine of each frequency but 0, with the covariance above."""
    k = np.arange(1, points // 2)
    size = np.sqrt(2) * 25 / ((2 * np.pi * k) ** 2 + 25)
    parts = generator.standard_normal((2, examples, len(k))) * size
    spectrum = np.zeros((examples, points // 2 + 1), dtype=np.complex128)
    spectrum[:, 1 : points // 2] = (parts[0] - 1j * parts[1]) * points / 2
    return np.fft.irfft(spectrum, points)


def solve_burgers(start: Array, viscosity: float, time: float) -> Array:
    """(examples, points) -> the same at that time.

    Fourier modes, products without aliasing (the upper third is dropped), Runge-Kutta of order four for the
    product, with the diffusion solved exactly by an integrating factor.
    """
    if viscosity <= 0 or time < 0:
        raise ArgumentError(f"expected viscosity > 0 and time >= 0, got {viscosity} and {time}")
    points = start.shape[-1]
    k = 2 * np.pi * np.arange(points // 2 + 1)
    keep = np.arange(points // 2 + 1) <= points // 3
    steps = max(1, round(STEPS_PER_POINT * points * time))
    step = time / steps
    half = np.exp(-viscosity * k**2 * step / 2)

    def slope(spectrum: NDArray[np.complex128]) -> NDArray[np.complex128]:
        u = np.fft.irfft(spectrum, points)
        return np.asarray(-0.5j * k * keep * np.fft.rfft(u * u))

    spectrum = np.fft.rfft(start) * keep
    for _ in range(steps):
        a = step * slope(spectrum)
        b = step * slope(half * (spectrum + a / 2))
        c = step * slope(half * spectrum + b / 2)
        d = step * slope(half * (half * spectrum + c))
        spectrum = half**2 * (spectrum + a / 6) + half * (b + c) / 3 + d / 6
    return np.fft.irfft(spectrum, points)
