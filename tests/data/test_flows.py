"""Sets of periodic flows."""

import numpy as np
import pytest

from circulant.data.flows import _burgers, _navier_stokes
from circulant.data.guess import guess
from circulant.data.load import load
from circulant.data.task import Task


def test_burgers_is_always_the_same_and_cannot_be_guessed():
    dataset = load("burgers", None, None, 0)
    assert dataset.task is Task.FIELD and dataset.shape == (1, 64)
    assert (len(dataset.train), len(dataset.test)) == (256, 64)
    assert dataset.fingerprint == load("Burgers", None, None, 7).fingerprint
    assert guess(dataset) > 0.9


@pytest.mark.slow
def test_navier_stokes_is_a_field_on_a_square():
    dataset = load("navier-stokes", None, None, 0)
    assert dataset.task is Task.FIELD and dataset.shape == (1, 32, 32)
    assert (len(dataset.train), len(dataset.test)) == (256, 64) and guess(dataset) > 0.2


@pytest.mark.parametrize(("make", "points"), [(_burgers, 64), (_navier_stokes, 16)])
def test_the_field_moves_and_another_seed_gives_another(make, points):
    first, other = make(2, points, 1), make(2, points, 2)
    assert first.given.shape == first.sought.shape == (2, 1, points) + ((points,) if points == 16 else ())
    assert first.given.dtype == np.float32 and not np.allclose(first.given, first.sought, atol=0.01)
    assert not np.allclose(first.sought, other.sought, atol=0.01)
