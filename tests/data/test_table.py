"""Series in CSV files."""

import numpy as np
import pytest

from circulant.core.errors import DataError
from circulant.data.load import load


def written(tmp_path, text):
    path = tmp_path / "toy.csv"
    path.write_text(text)
    return str(path)


def everything(dataset):
    """Examples of both parts with their class names, in a fixed order."""
    parts = (dataset.train, dataset.test)
    return sorted((x[0].tolist(), dataset.classes[y]) for part in parts for x, y in zip(part.x, part.y))


EXPECTED = [([1.0, 2.0], "a"), ([3.0, 4.0], "b"), ([5.0, 6.0], "a"), ([7.0, 8.0], "b")]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("1,2,a\n3,4,b\n5,6,a\n7,8,b\n", None),
        ("t0,t1,kind\n1,2,a\n3,4,b\n5,6,a\n7,8,b\n", None),
        ("kind;t0;t1\na;1;2\nb;3;4\n\na;5;6\nb;7;8\n", "kind"),
        ("a\t1\t2\nb\t3\t4\na\t5\t6\nb\t7\t8\n", "1"),
        ("\ufeff1,a,2\r\n3,b,4\r\n5,a,6\r\n7,b,8\r\n", "2"),
    ],
)
def test_headers_delimiters_and_label_columns_are_found(tmp_path, text, label):
    assert everything(load(written(tmp_path, text), None, label, 0)) == EXPECTED


BAD = {
    "no label column 'class'; its columns are t0, kind": ("t0,kind\n1,a\n2,b\n", "class"),
    "no label column '3'; its columns are numbers 1 to 2": ("1,a\n2,b\n", "3"),
    "row 2: expected 3 columns as in the first row, got 2": ("1,2,a\n3,b\n", None),
    "row 1: expected 2 columns": ("a\nb\n", None),
    "row 3: values must be numbers, got ''": ("t0,t1,kind\n1,2,a\n3,,b\n", None),
    "row 1: values must be numbers, got 'a'.*name the label column with --label": ("a,1,2\nb,3,4\n", None),
    "expected rows of values, found none": ("\n\n", None),
    "expected rows of values after the header, found none": ("t0,kind\n", None),
    "holds NaN or infinity": ("1,a\n2,a\ninf,b\n4,b\n", None),
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_table_is_refused_in_clear_words(tmp_path, words):
    text, label = BAD[words]
    with pytest.raises(DataError, match=words):
        load(written(tmp_path, text), None, label, 0)


def test_numbers_keep_single_precision(tmp_path):
    dataset = load(written(tmp_path, "0.1,a\n0.1,a\n0.2,b\n0.2,b\n"), None, None, 0)
    assert set(dataset.train.x.ravel()) == {np.float32(0.1), np.float32(0.2)}
