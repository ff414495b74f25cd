"""Policy, CSV and files."""

import csv
from base64 import b64decode, b64encode
from hashlib import sha256
from io import StringIO

import pytest

from circulant.core.atomic_file import write_atomically
from circulant.report.csv_text import csv_text, csv_uri
from circulant.report.policy import content_policy, source_hash


def test_the_policy_allows_its_own_script_and_nothing_from_outside():
    policy = content_policy("a{}", "let a = 1;")
    digest = b64encode(sha256(b"let a = 1;").digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_hashes_tell_texts_apart():
    assert source_hash("é") != source_hash("e")


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1"])
def test_labels_that_look_like_formulas_are_disarmed(label):
    (_, row) = csv.reader(StringIO(csv_text(["name", "value"], [(label, -1.5)]), newline=""))
    assert row == ["'" + label, "-1.5"]  # a number stays a number


@pytest.mark.parametrize("label", ["a,b", 'say "x"', "two\nlines", "Conv"])
def test_other_labels_come_back_as_they_were(label):
    (_, row) = csv.reader(StringIO(csv_text(["name"], [(label,)]), newline=""))
    assert row == [label]


def test_the_table_is_held_in_the_address():
    head, body = csv_uri("a,b\r\né,1\r\n").split(",", 1)
    assert head == "data:text/csv;charset=utf-8;base64"
    assert b64decode(body).decode("utf-8-sig") == "a,b\r\né,1\r\n"


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "new" / "page.html"
    write_atomically(path, "one")
    write_atomically(path, "two é")
    assert path.read_text("utf-8") == "two é"
    assert [entry.name for entry in path.parent.iterdir()] == ["page.html"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "page.html"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\ud800")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]
