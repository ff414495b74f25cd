"""Blocks of several shapes cut from films of volumes, so that few films train a network in four dimensions.

After Deng, Chen, Zhou, Hu, Xu, Sun, Lyu, Xi, Chen and Zhao (2024), https://arxiv.org/abs/2403.16361. First
come single slices with all their phases, then blocks that are flat and wide or deep and narrow.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import Shape
from circulant.data.dataset import Examples

SLICES: tuple[Shape, ...] = ((1, 256, 256),)
BLOCKS: tuple[Shape, ...] = ((16, 256, 256), (32, 144, 144), (64, 128, 128))


def tetris_sampler(films: Sequence[Examples], sizes: Sequence[Shape], seed: int) -> Iterator[Examples]:
    """Without end, a film (C, T, D, H, W), one of the sizes (D, H, W) and a place in it, all drawn.

    Every phase and channel comes along: what belongs together lies in one film. An axis that is shorter than
    the size is taken whole.
    """
    if not films or not sizes:
        raise ArgumentError(f"expected films and sizes, got {len(films)} and {len(sizes)}")
    for film in films:
        if film.ndim != 5:
            raise ShapeError(f"expected films (C, T, D, H, W), got {film.shape}")
    for size in sizes:
        if len(size) != 3 or min(size) < 1:
            raise ArgumentError(f"expected sizes (D, H, W) of 1 or more, got {size}")
    return _blocks(films, sizes, np.random.default_rng(seed))


def _blocks(
    films: Sequence[Examples], sizes: Sequence[Shape], draw: np.random.Generator
) -> Iterator[Examples]:
    while True:
        film = films[int(draw.integers(len(films)))]
        size = sizes[int(draw.integers(len(sizes)))]
        taken = [min(have, want) for have, want in zip(film.shape[2:], size)]
        starts = [int(draw.integers(have - n + 1)) for have, n in zip(film.shape[2:], taken)]
        place: Any = (..., *(slice(start, start + n) for start, n in zip(starts, taken)))
        yield film[place]
