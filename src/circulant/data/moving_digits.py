"""Digits that drift over a dark canvas and bounce off its sides."""

import numpy as np
from numpy.typing import NDArray

from circulant.core.errors import ArgumentError
from circulant.data.dataset import Examples


def moving_digits(
    pictures: NDArray[np.float32], films: int, frames: int, side: int, seed: int, digits: int = 2
) -> Examples:
    """(films, 1, frames, side, side) from pictures (N, h, w) between 0 and 1, `digits` of them in each film.

    Each digit starts at a random place and moves one or two positions a frame along each axis.
    """
    _, height, width = pictures.shape
    if max(height, width) >= side:
        raise ArgumentError(f"expected a side above that of the digits, {height} x {width}, got {side}")
    draw = np.random.default_rng(seed)
    films_made = np.zeros((films, 1, frames, side, side), dtype=np.float32)
    for film in films_made[:, 0]:
        for picture in pictures[draw.integers(len(pictures), size=digits)]:
            rows, columns = (_bounced(draw, frames, side - size) for size in picture.shape)
            for frame, row, column in zip(film, rows, columns):
                window = frame[row : row + height, column : column + width]
                np.maximum(window, picture, out=window)
    return films_made


def _bounced(draw: np.random.Generator, frames: int, room: int) -> NDArray[np.int64]:
    """Places from 0 to room along one axis, reflected at both ends."""
    start, speed = draw.integers(room + 1), draw.integers(1, 3) * draw.choice((-1, 1))
    place = np.mod(start + speed * np.arange(frames), 2 * room)
    return np.where(place > room, 2 * room - place, place)
