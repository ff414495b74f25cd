"""Films of digits: bright on dark, inside the canvas, moving steadily."""

import numpy as np
import pytest

from circulant.core.errors import ArgumentError
from circulant.data.moving_digits import moving_digits

SQUARE = np.ones((1, 3, 3), dtype=np.float32)


def test_a_digit_stays_whole_inside_the_canvas_and_moves_one_or_two_positions():
    films = moving_digits(SQUARE, films=20, frames=30, side=9, seed=0, digits=1)
    assert films.shape == (20, 1, 30, 9, 9)
    assert (films.sum((-1, -2)) == 9).all()
    corner = films[:, 0].reshape(20, 30, -1).argmax(-1)
    rows, columns = corner // 9, corner % 9
    for place in (rows, columns):
        assert place.min() == 0
        assert place.max() == 6
        assert set(np.abs(np.diff(place)).ravel()) <= {0, 1, 2}


def test_films_follow_from_the_seed():
    first, again, other = (moving_digits(SQUARE, 3, 5, 9, seed) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_digits_larger_than_the_canvas_are_refused():
    with pytest.raises(ArgumentError, match="side above that of the digits"):
        moving_digits(SQUARE, 1, 2, 3, 0)
