"""NumPy archives."""

import numpy as np
import pytest

from circulant.core.errors import DataError
from circulant.data.load import load

LABELS = np.repeat(["yes", "no"], 5)
RANDOM = np.random.default_rng(0)


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "toy.npz", **arrays)
    return str(tmp_path / "toy.npz")


SHAPES = {
    (10, 7): (1, 7),
    (10, 2, 7): (2, 7),
    (10, 3, 8, 9): (3, 8, 9),
    (10, 8, 9, 3): (3, 8, 9),
    (10, 1, 8, 3): (1, 8, 3),  # channels first wherever that can be read
}


@pytest.mark.parametrize("given", SHAPES)
def test_ranks_are_read_as_series_and_images(tmp_path, given):
    dataset = load(saved(tmp_path, x=RANDOM.normal(size=given), y=LABELS), None, None, 0)
    assert dataset.shape == SHAPES[given] and dataset.classes == ("no", "yes")
    assert dataset.train.x.dtype == np.float32


def test_bytes_of_rank_three_are_grey_images_scaled_to_one(tmp_path):
    dataset = load(saved(tmp_path, x=np.full((10, 4, 6), 255, np.uint8), y=LABELS), None, None, 0)
    assert dataset.shape == (1, 4, 6) and (dataset.train.x == 1).all()


def test_channels_last_keeps_each_pixel(tmp_path):
    x = RANDOM.normal(size=(10, 6, 5, 3)).astype(np.float32)
    dataset = load(saved(tmp_path, x_train=x, y_train=LABELS, x_test=x, y_test=LABELS), None, None, 0)
    assert (dataset.test.x[:, 2] == x[..., 2]).all()


def test_a_given_split_is_kept_and_numbers_sort_by_value(tmp_path):
    x, y = np.arange(24.0).reshape(12, 2), np.repeat([10, 9, 2], 4)
    dataset = load(saved(tmp_path, x_train=x, y_train=y, x_test=x[:1], y_test=y[:1]), None, None, 0)
    assert dataset.classes == ("2", "9", "10")
    assert dataset.train.y.tolist() == [2] * 4 + [1] * 4 + [0] * 4 and dataset.test.y.tolist() == [2]


GOOD = np.zeros((10, 7))
BAD = {
    "expected the arrays x_train.*found x": {"x": GOOD},
    "found none": {"pixels": GOOD, "labels": LABELS},
    r"y must hold one label for each of the 10 examples of x, got shape \(9,\)": {"x": GOOD, "y": LABELS[:9]},
    r"got shape \(10, 2\); class labels, not one-hot rows": {"x": GOOD, "y": np.eye(10)[:, :2]},
    r"x must be numbers.*got float64 \(10,\)": {"x": np.zeros(10), "y": LABELS},
    r"got float64 \(10, 1, 2, 3, 4\)": {"x": np.zeros((10, 1, 2, 3, 4)), "y": LABELS},
    r"got float64 \(10, 0\)": {"x": np.zeros((10, 0)), "y": LABELS},
    "x must be numbers.*got <U1": {"x": np.full((10, 3), "a"), "y": LABELS},
    "example 3 of the data holds NaN or infinity .1 of 10": {
        "x": np.where(np.arange(10)[:, None] == 3, np.nan, GOOD),
        "y": LABELS,
    },
    "cannot be read .Object arrays": {"x": np.array([None] * 10), "y": LABELS},
    "found only 'no'": {"x": GOOD[:2], "y": ["no", "no"]},
}


@pytest.mark.parametrize("words", BAD)
def test_bad_arrays_are_refused_in_clear_words(tmp_path, words):
    with pytest.raises(DataError, match=words):
        load(saved(tmp_path, **BAD[words]), None, None, 0)


def test_parts_of_different_shape_are_refused(tmp_path):
    path = saved(tmp_path, x_train=GOOD, y_train=LABELS, x_test=GOOD[:, :5], y_test=LABELS)
    with pytest.raises(DataError, match=r"one shape .C, .*, got \(1, 7\) and \(1, 5\)"):
        load(path, None, None, 0)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut short"])
def test_a_damaged_archive_is_refused(tmp_path, content):
    (tmp_path / "toy.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"toy\.npz: expected a NumPy archive of plain arrays"):
        load(str(tmp_path / "toy.npz"), None, None, 0)


def test_an_archive_with_flipped_bytes_is_refused(tmp_path):
    path = saved(tmp_path, x=RANDOM.normal(size=(10, 50)), y=LABELS)
    content = bytearray((tmp_path / "toy.npz").read_bytes())
    content[1000] ^= 255
    (tmp_path / "toy.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read \(Bad CRC-32"):
        load(path, None, None, 0)


def test_an_npy_file_under_the_wrong_name_is_refused(tmp_path):
    with open(tmp_path / "toy.npz", "wb") as file:
        np.save(file, GOOD)
    with pytest.raises(DataError, match="expected a NumPy archive"):
        load(str(tmp_path / "toy.npz"), None, None, 0)


def test_other_files_and_missing_ones_are_refused(tmp_path):
    (tmp_path / "toy.mat").write_text("")
    with pytest.raises(DataError, match=r"expected a file .npz, .csv, .ts or .txt, got '.mat'"):
        load(str(tmp_path / "toy.mat"), None, None, 0)
    with pytest.raises(DataError, match="no such file or folder"):
        load(str(tmp_path / "absent.npz"), None, None, 0)
