"""Fields: from the solver and from the user's arrays."""

import numpy as np
import pytest

from circulant.core.errors import DataError
from circulant.data.darcy import FAST, SLOW, coefficient, darcy, solve
from circulant.data.fields import Fields, field_dataset, split_fields
from circulant.data.guess import guess
from circulant.data.load import load
from circulant.data.task import Task

RANDOM = np.random.default_rng(0)


def manufactured(points):
    """a, u and the source -div(a grad u) of u = sin(pi x) sin(pi y), at the centres of cells."""
    place = (np.arange(points) + 0.5) / points
    x, y = np.meshgrid(place, place, indexing="ij")
    a = 1 + x * y**2 + 0.3 * np.cos(2 * x)
    u = np.sin(np.pi * x) * np.sin(np.pi * y)
    a_x, a_y = y**2 - 0.6 * np.sin(2 * x), 2 * x * y
    u_x, u_y = np.pi * np.cos(np.pi * x) * np.sin(np.pi * y), np.pi * np.sin(np.pi * x) * np.cos(np.pi * y)
    return a, u, 2 * np.pi**2 * a * u - a_x * u_x - a_y * u_y


def test_the_solver_reaches_a_known_solution_with_second_order():
    errors = []
    for points in (16, 32, 64):
        a, u, source = manufactured(points)
        errors.append(np.abs(solve(a, source) - u).max())
    assert errors[-1] < 3e-4
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


def test_flux_is_conserved_over_a_jump_of_the_coefficient():
    """All that the source puts in leaves through the border."""
    a = coefficient(16, np.random.default_rng(1))
    u = solve(a, np.ones_like(a))
    out = sum((2 * edge_a * edge_u).sum() for edge_a, edge_u in zip(borders(a), borders(u), strict=True))
    assert out == pytest.approx(1.0) and len(np.unique(a)) == 2


def borders(field):
    return field[0], field[-1], field[:, 0], field[:, -1]


def test_a_constant_coefficient_divides_the_solution():
    ones = np.ones((8, 8))
    assert np.allclose(solve(4 * ones, ones), solve(ones, ones) / 4)


def test_coefficients_take_two_values_about_equally_often():
    pairs = darcy(40, 16, 3)
    assert set(np.unique(pairs.given)) == {np.float32(SLOW), np.float32(FAST)}
    assert 0.3 < (pairs.given == FAST).mean() < 0.7
    assert pairs.given.shape == pairs.sought.shape == (40, 1, 16, 16) and (pairs.sought > 0).all()
    assert np.array_equal(darcy(2, 16, 3).given, pairs.given[:2])
    assert not np.array_equal(darcy(2, 16, 4).given, pairs.given[:2])


def test_the_bundled_set_is_always_the_same_and_needs_more_than_the_mean_field():
    first, again = (load("darcy", None, None, seed) for seed in (0, 1))
    assert first.fingerprint == again.fingerprint and first.task is Task.FIELD and first.classes == ()
    assert (len(first.train), len(first.test), first.shape) == (256, 64, (1, 32, 32))
    assert 0.2 < guess(first) < 1


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "toy.npz", **arrays)
    return str(tmp_path / "toy.npz")


GRIDS = {
    "a line": ((10, 7), (10, 7), (1, 7), (1, 7)),
    "channels on a line": ((10, 2, 7), (10, 3, 7), (2, 7), (3, 7)),
    "one channel from two": ((10, 2, 7), (10, 7), (2, 7), (1, 7)),
    "a plane": ((10, 1, 6, 8), (10, 2, 6, 8), (1, 6, 8), (2, 6, 8)),
}


@pytest.mark.parametrize("grid", GRIDS)
def test_real_numbers_on_the_grid_of_x_are_fields(tmp_path, grid):
    x, y, x_shape, y_shape = GRIDS[grid]
    arrays = {"x": RANDOM.normal(size=x), "y": RANDOM.normal(size=y)}
    whole = load(saved(tmp_path, **arrays), None, None, 0)
    assert whole.task is Task.FIELD and (len(whole.train), len(whole.test)) == (8, 2)
    assert whole.shape == x_shape and whole.test.y.shape[1:] == y_shape
    pairs = {tuple(row.ravel()) for row in arrays["x"].astype(np.float32).reshape(10, -1)}
    assert {tuple(row.ravel()) for part in (whole.train, whole.test) for row in part.x} == pairs
    split = {"x_train": arrays["x"], "y_train": arrays["y"], "x_test": arrays["x"], "y_test": arrays["y"]}
    kept = load(saved(tmp_path, **split), None, None, 0)
    assert len(kept.train) == len(kept.test) == 10 and kept.task is Task.FIELD


def test_whole_numbers_on_the_grid_of_x_are_no_field(tmp_path):
    with pytest.raises(DataError, match="class labels, not one-hot rows, or real numbers on the grid of x"):
        load(saved(tmp_path, x=np.zeros((4, 5)), y=np.ones((4, 5), int)), None, None, 0)


def fields(count=4, given=(1, 5), sought=(1, 5)):
    return Fields(
        RANDOM.normal(size=(count, *given)).astype(np.float32),
        RANDOM.normal(size=(count, *sought)).astype(np.float32),
    )


BAD = {
    "one y for each x, got 4 and 3": lambda: Fields(fields().given, fields(3).sought),
    "must lie on one grid": lambda: fields(sought=(1, 6)),
    "must be finite": lambda: Fields(fields().given, np.full((4, 1, 5), np.nan, np.float32)),
    "not zero everywhere, but example 0 of": lambda: Fields(fields().given, np.zeros((4, 1, 5), np.float32)),
}


@pytest.mark.parametrize("words", BAD)
def test_fields_that_cannot_be_learnt_are_refused(words):
    with pytest.raises(DataError, match=words):
        field_dataset("toy", "Drawn.", BAD[words](), fields())


def test_parts_on_different_grids_are_refused():
    with pytest.raises(DataError, match="both parts must have x and y of one shape"):
        field_dataset("toy", "Drawn.", fields(), fields(given=(1, 6), sought=(1, 6)))


def test_one_pair_cannot_be_split():
    with pytest.raises(DataError, match="at least 2 examples"):
        split_fields("toy", "Drawn.", fields(1), 0)


def test_guessing_the_mean_field_is_scored_by_relative_error():
    train = Fields(np.zeros((2, 1, 2), np.float32), np.array([[[1, 0]], [[3, 0]]], np.float32))
    test = Fields(np.zeros((1, 1, 2), np.float32), np.array([[[4, 3]]], np.float32))
    assert guess(field_dataset("toy", "Drawn.", train, test)) == pytest.approx(np.sqrt(4 + 9) / 5)
