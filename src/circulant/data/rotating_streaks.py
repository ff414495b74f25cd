"""Films of breathing volumes under streaks that rotate from phase to phase, as sparse tomography has them."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.core.errors import ArgumentError
from circulant.data.dataset import Examples

BODY, ORGANS = 0.4, 3  # value of the body, organs in it
BREATH = 0.1  # of the depth, up and down
STREAKS, STREAK, WIDTH = 6, 0.25, 1.0  # lines through a phase, their height, and their width in samples


@final
@dataclass(frozen=True, slots=True, eq=False)
class StreakFilms:
    """clean and streaked (N, 1, T, D, H, W), and prior (N, 1, D, H, W), the mean over the phases."""

    clean: Examples
    streaked: Examples
    prior: Examples


def rotating_streaks(count: int, phases: int, depth: int, side: int, seed: int) -> StreakFilms:
    """Ellipsoids that move along the depth, once up and down, and lines through one of them in each slice."""
    if min(count, phases, depth, side) < 1:
        raise ArgumentError(f"expected sizes of 1 or more, got {(count, phases, depth, side)}")
    draw = np.random.default_rng(seed)
    clean = np.empty((count, 1, phases, depth, side, side), np.float32)
    streaks = np.empty_like(clean)
    for film, lines in zip(clean[:, 0], streaks[:, 0]):
        centre = _breathing(draw, film)
        _streak(draw, lines, centre)
    streaked = clean + streaks
    return StreakFilms(clean, streaked, streaked.mean(2))


def _breathing(draw: np.random.Generator, film: NDArray[np.float32]) -> NDArray[np.float64]:
    """Fill film (T, D, H, W) -> place (2,) of the last organ in the slices, from 0 to 1."""
    phases, *sizes = film.shape
    z, y, x = np.meshgrid(*((np.arange(size) + 0.5) / size for size in sizes), indexing="ij")
    body = (y - 0.5) ** 2 / 0.45**2 + (x - 0.5) ** 2 / 0.4**2 < 1
    film[:] = BODY * body
    place = np.full(2, 0.5)
    for _ in range(ORGANS):
        middle, place = draw.uniform(0.3, 0.7), draw.uniform(0.3, 0.7, size=2)
        radii, value = draw.uniform(0.1, 0.25, size=3), draw.uniform(-0.3, 0.5)
        for phase in range(phases):
            moved = middle + BREATH * np.sin(2 * np.pi * phase / phases)
            inside = ((z - moved) / radii[0]) ** 2 + ((y - place[0]) / radii[1]) ** 2
            film[phase][inside + ((x - place[1]) / radii[2]) ** 2 < 1] += value
    return place


def _streak(draw: np.random.Generator, lines: NDArray[np.float32], centre: NDArray[np.float64]) -> None:
    """Fill lines (T, D, H, W): bright and dark ones in turn, which come round with the breath."""
    phases, _, height, width = lines.shape
    y, x = np.indices((height, width)) - (centre * (height, width))[:, None, None]
    first, apart = draw.uniform(0, np.pi), np.pi / STREAKS
    for phase in range(phases):
        total = np.zeros((height, width))
        for number in range(STREAKS):
            angle = first + apart * (number + 2 * phase / phases)
            away = x * np.sin(angle) - y * np.cos(angle)
            total += (-1) ** number * np.exp(-((away / WIDTH) ** 2))
        lines[phase] = STREAK * total
