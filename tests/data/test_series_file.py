"""The .ts format: what is read, and the words for what is not."""

import numpy as np
import pytest

from circulant.core.errors import DataError
from circulant.data.load import load

HEADER = "# a comment\n@problemName toy\n@timeStamps false\n@classLabel true a b\n@data\n"


def written(path, body, header=HEADER):
    path.write_text(header + body)
    return str(path)


def test_channels_labels_and_unequal_lengths_are_read(tmp_path):
    body = "1,2,3:4,5,6:a\n7,8:9,10:b\n" * 5
    dataset = load(written(tmp_path / "toy.ts", body), None, None, 0)
    parts = (dataset.train, dataset.test)
    x, y = np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts])
    assert dataset.classes == ("a", "b") and dataset.shape == (2, 3)
    assert (x[y == 0] == [[1, 2, 3], [4, 5, 6]]).all() and (x[y == 1] == [[7, 8, 0], [9, 10, 0]]).all()


@pytest.mark.parametrize("given", ["toy_TRAIN.ts", "toy_TEST.ts"])
def test_either_file_of_a_pair_finds_the_other_and_keeps_the_split(tmp_path, given):
    written(tmp_path / "toy_TRAIN.ts", "1,2:a\n3,4:b\n")
    written(tmp_path / "toy_TEST.ts", "5,6,7:b\n")
    dataset = load(str(tmp_path / given), None, None, 0)
    assert dataset.name == "toy" and dataset.shape == (1, 3)
    assert dataset.train.x.tolist() == [[[1, 2, 0]], [[3, 4, 0]]] and dataset.test.x.tolist() == [[[5, 6, 7]]]
    assert dataset.test.y.tolist() == [1]


BAD = {
    "expected examples after @data": (HEADER, ""),
    "needs a line @data": ("@problemName toy\n", "1,2:a\n"),
    "line 1: '@timeStamps true' cannot be used": ("@timeStamps true\n@data\n", "1,2:a\n"),
    "line 1: '@targetlabel true' cannot be used": ("@targetlabel true\n@data\n", "1,2:0.5\n"),
    r"line 6: values must be numbers, but .*'\?'": (HEADER, "1,?:a\n"),
    "line 7: expected 2 channels.*got 1": (HEADER, "1,2:3,4:a\n1,2:b\n"),
    "line 6: expected 1 channels.*got 0": (HEADER, "1,2\n"),
    "expected at least two classes, found only 'a'": (HEADER, "1,2:a\n3,4:a\n"),
    "class 'b' has 1": (HEADER, "1,2:a\n3,4:a\n5,6:b\n"),
    "holds NaN or infinity": (HEADER, "1,nan:a\n3,4:a\n5,6:b\n5,6:b\n"),
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_file_is_refused_in_clear_words(tmp_path, words):
    header, body = BAD[words]
    with pytest.raises(DataError, match=words):
        load(written(tmp_path / "toy.ts", body, header), None, None, 0)


def test_a_pair_without_its_other_half_names_the_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"toy_TEST\.ts cannot be read \(No such file"):
        load(written(tmp_path / "toy_TRAIN.ts", "1,2:a\n3,4:b\n"), None, None, 0)


def test_a_pair_with_different_channels_is_refused(tmp_path):
    written(tmp_path / "toy_TRAIN.ts", "1,2:a\n3,4:b\n")
    with pytest.raises(DataError, match=r"same channels, got 1 in toy_TRAIN\.ts and 2 in toy_TEST\.ts"):
        load(written(tmp_path / "toy_TEST.ts", "1,2:3,4:a\n"), None, None, 0)


def test_a_test_class_without_training_examples_is_refused(tmp_path):
    written(tmp_path / "toy_TRAIN.ts", "1,2:a\n3,4:b\n")
    with pytest.raises(DataError, match="every test class must be in the training part, but c is not"):
        load(written(tmp_path / "toy_TEST.ts", "1,2:c\n"), None, None, 0)


def test_text_that_is_not_utf8_names_the_byte(tmp_path):
    path = tmp_path / "toy.ts"
    path.write_bytes(b"@data\n1,2:\xff\n")
    with pytest.raises(DataError, match="expected UTF-8 text, but byte 10 is not"):
        load(str(path), None, None, 0)
