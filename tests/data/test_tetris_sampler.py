"""Blocks of several shapes from films of volumes, and the films that streaks rotate in."""

from itertools import islice

import numpy as np
import pytest

from circulant.core.errors import ArgumentError, ShapeError
from circulant.data.rotating_streaks import rotating_streaks
from circulant.data.tetris_sampler import BLOCKS, SLICES, tetris_sampler

SIZES = ((2, 7, 6), (4, 5, 3), (6, 3, 3))


def films() -> list[np.ndarray]:
    """Every number is its own place."""
    shapes = ((2, 3, 6, 8, 7), (2, 3, 5, 6, 6))
    return [np.arange(np.prod(shape), dtype=np.float32).reshape(shape) for shape in shapes]


def test_blocks_of_every_shape_come_from_every_film_with_all_phases_and_channels():
    sources, seen = films(), set()
    for block in islice(tetris_sampler(sources, SIZES, seed=0), 200):
        assert block.shape[:2] == (2, 3)
        owner = next(n for n, film in enumerate(sources) if np.shares_memory(film, block))
        wanted = [tuple(min(a, b) for a, b in zip(size, sources[owner].shape[2:])) for size in SIZES]
        assert block.shape[2:] in wanted
        seen.add((owner, wanted.index(block.shape[2:])))
        steps = {np.unique(np.diff(block, axis=axis)).size for axis in range(5) if block.shape[axis] > 1}
        assert steps == {1}  # neighbours in a block are neighbours in the film
    assert seen == {(film, size) for film in range(2) for size in range(3)}


def test_the_seed_decides_every_block():
    one, same, other = (
        [block.copy() for block in islice(tetris_sampler(films(), SIZES, seed), 20)] for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, same))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other))


def test_the_first_shape_is_a_single_slice_and_the_later_ones_are_volumes():
    assert [size[0] for size in SLICES] == [1]
    assert BLOCKS == ((16, 256, 256), (32, 144, 144), (64, 128, 128))
    assert next(tetris_sampler(films()[:1], SLICES, seed=0)).shape == (2, 3, 1, 8, 7)


def test_films_of_another_rank_and_empty_lists_are_refused():
    with pytest.raises(ShapeError, match="films"):
        tetris_sampler([np.zeros((2, 3, 4, 5), np.float32)], SIZES, seed=0)
    with pytest.raises(ArgumentError, match="films and sizes"):
        tetris_sampler([], SIZES, seed=0)
    with pytest.raises(ArgumentError, match="sizes"):
        tetris_sampler(films(), [(0, 2, 2)], seed=0)


def test_streaks_go_round_with_the_breath_and_mostly_cancel_in_the_prior():
    made = rotating_streaks(2, 6, 4, 20, seed=0)
    assert made.clean.shape == made.streaked.shape == (2, 1, 6, 4, 20, 20)
    assert made.prior.shape == (2, 1, 4, 20, 20)
    streaks = made.streaked - made.clean
    assert streaks.std() > 0.1
    assert streaks.mean(2).std() < 0.5 * streaks.std()
    steps = [np.abs(streaks[:, :, (p + 1) % 6] - streaks[:, :, p]).mean() for p in range(6)]
    assert max(steps) < 1.5 * min(steps)  # from the last phase to the first as between any two
    assert np.abs(np.diff(made.clean, axis=2)).max() > 0.01  # the organs breathe
