"""Folders of pictures written by Pillow."""

import numpy as np
import pytest
from PIL import Image

from circulant.core.errors import ArgumentError, DataError
from circulant.data.load import load


def paint(path, level=128, size=(6, 5), mode="L"):
    """One flat picture; size is width, height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for number in range(5):
        paint(tmp_path / "pets" / "cat" / f"{number}.png", 10 * number)
        paint(tmp_path / "pets" / "dog" / f"{number}.png", 200 + number)
    return tmp_path / "pets"


def test_classes_are_subfolders_and_each_is_split_by_a_fifth(folder):
    dataset = load(str(folder), None, None, 0)
    assert dataset.name == "pets" and dataset.classes == ("cat", "dog") and dataset.shape == (1, 5, 6)
    assert np.bincount(dataset.train.y).tolist() == [4, 4] and np.bincount(dataset.test.y).tolist() == [1, 1]
    levels = np.concatenate([dataset.train.x, dataset.test.x])[:, 0, 0, 0] * 255
    assert sorted(np.rint(levels)) == [0, 10, 20, 30, 40, 200, 201, 202, 203, 204]


def test_the_seed_draws_the_split_and_the_same_seed_the_same(folder):
    chosen = {seed: load(str(folder), None, None, seed).fingerprint for seed in range(6)}
    assert chosen[0] == load(str(folder), None, None, 0).fingerprint
    assert len(set(chosen.values())) > 1


def test_train_and_test_folders_are_kept_as_the_split(tmp_path):
    for part, level in (("train", 0), ("test", 255)):
        for label in ("a", "b"):
            paint(tmp_path / part / label / "x.png", level)
    dataset = load(str(tmp_path), None, None, 0)
    assert dataset.train.x.max() == 0 and dataset.test.x.min() == 1 and dataset.classes == ("a", "b")


def test_size_cuts_the_centre_square(tmp_path):
    for label in ("a", "b"):
        for number in range(2):
            path = paint(tmp_path / label / f"{number}.png", 0, size=(16, 8))
            with Image.open(path) as picture:
                wide = picture.copy()
            wide.paste(255, (4, 0, 12, 8))  # the centre is white
            wide.save(path)
    dataset = load(str(tmp_path), 4, None, 0)
    assert dataset.shape == (1, 4, 4) and dataset.train.x.min() > 0.85


def test_one_coloured_picture_makes_all_three_channels(folder):
    paint(folder / "cat" / "red.png", (255, 0, 0), mode="RGB")
    dataset = load(str(folder), None, None, 0)
    assert dataset.shape == (3, 5, 6)
    everything = np.concatenate([dataset.train.x, dataset.test.x])[:, :, 0, 0].tolist()
    assert [1, 0, 0] in everything


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    for label, level in (("a", 0), ("b", 32768)):
        for number in range(2):
            paint(tmp_path / label / f"{number}.png", level, mode="I;16")
    values = np.unique(load(str(tmp_path), None, None, 0).train.x)
    assert values == pytest.approx([0, 32768 / 65535])


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_picture_is_named(folder, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)
    path = folder / "dog" / f"broken.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(DataError, match=rf"broken\.{suffix}: expected a whole picture.*replace or remove it"):
        load(str(folder), None, None, 0)


def test_a_text_file_posing_as_a_picture_is_named(folder):
    (folder / "dog" / "note.png").write_text("not a picture")
    with pytest.raises(DataError, match=r"note\.png: expected a whole picture"):
        load(str(folder), None, None, 0)


def test_pictures_of_different_sizes_need_the_size_option(folder):
    paint(folder / "dog" / "z.png", size=(7, 7))
    with pytest.raises(DataError, match=r"z\.png.*one size, got 7 x 7 after 6 x 5; add --size"):
        load(str(folder), None, None, 0)
    assert load(str(folder), 4, None, 0).shape == (1, 4, 4)


def test_an_empty_folder_says_how_pictures_must_lie(tmp_path):
    with pytest.raises(DataError, match="expected sub-folders with pictures, found none; put pictures into"):
        load(str(tmp_path), None, None, 0)


def test_a_class_without_pictures_is_named(folder):
    (folder / "bird").mkdir()
    with pytest.raises(DataError, match="bird: expected pictures of this class, found none"):
        load(str(folder), None, None, 0)


def test_a_single_class_is_refused(tmp_path):
    paint(tmp_path / "only" / "1.png")
    with pytest.raises(DataError, match="expected at least two classes, found only 'only'"):
        load(str(tmp_path), None, None, 0)


def test_a_class_with_one_picture_cannot_be_split(folder):
    paint(folder / "bird" / "1.png")
    with pytest.raises(DataError, match="at least 2 examples of each class, class 'bird' has 1"):
        load(str(folder), None, None, 0)


def test_an_unreadable_folder_is_refused(folder, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied"):
        load(str(folder), None, None, 0)


@pytest.mark.parametrize("size", [0, 3, 5000])
def test_a_size_out_of_range_is_refused(folder, size):
    with pytest.raises(ArgumentError, match=f"expected a size of 4 to 1024 pixels, got {size}"):
        load(str(folder), size, None, 0)


@pytest.mark.parametrize(("spec", "size", "label"), [("mnist5k", 8, None), ("mnist5k", None, "y")])
def test_options_without_effect_are_refused(spec, size, label):
    with pytest.raises(ArgumentError, match="leave it out"):
        load(spec, size, label, 0)
