"""Rows in a file: replaced by key, there whole or not at all."""

import os
from math import isnan, nan

import pytest
from tests.bench.specimens import row

from circulant.bench.contestant import Role
from circulant.bench.run import row_file
from circulant.bench.settings import Malloc
from circulant.core.errors import StoreError


def test_rows_come_back_as_they_were_written(tmp_path):
    file = row_file(tmp_path / "new" / "results.csv")
    assert file.read() == []
    rows = [row(note='a "quoted", note'), row("torch.fft code", Role.TORCH, 3.25, contended=True)]
    file.replace(rows)
    assert file.read() == rows


def test_what_is_no_number_is_an_empty_cell(tmp_path):
    file = row_file(tmp_path / "results.csv")
    file.replace([row(seconds=nan)])
    assert "nan" not in file.path.read_text()
    assert isnan(file.read()[0].seconds)


def test_a_shape_measured_again_replaces_all_rows_of_its_block_in_their_place(tmp_path):
    file = row_file(tmp_path / "results.csv")
    file.replace([row(shape="1x2x8"), row("peer", Role.PEER, shape="1x2x8")])
    file.replace([row(shape="1x2x9")])
    file.replace([row(shape="1x2x8", seconds=7.0)])
    assert [(one.shape, one.contestant, one.seconds) for one in file.read()] == [
        ("1x2x8", "circulant", 7.0),
        ("1x2x9", "circulant", 1.0),
    ]


@pytest.mark.parametrize("other", [{"malloc": Malloc.TUNED}, {"threads": 1}, {"isa": "avx2"}, {"group": "b"}])
def test_another_setting_has_rows_of_its_own(tmp_path, other):
    file = row_file(tmp_path / "results.csv")
    file.replace([row()])
    file.replace([row(**other)])
    assert len(file.read()) == 2


def test_a_write_that_fails_leaves_the_old_rows(tmp_path, monkeypatch):
    file = row_file(tmp_path / "results.csv")
    file.replace([row()])

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        file.replace([row(seconds=2.0)])
    assert [one.seconds for one in file.read()] == [1.0]
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]


@pytest.mark.parametrize("text", ["something,else\n1,2\n", "group\nonly a group\n"])
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "results.csv"
    path.write_text(text)
    with pytest.raises(StoreError, match="expected a table with the columns group, operation"):
        row_file(path).replace([row()])
    assert path.read_text() == text
