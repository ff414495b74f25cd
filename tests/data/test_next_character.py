"""Text as windows of characters."""

import numpy as np
import pytest

from circulant.core.errors import DataError
from circulant.data.guess import guess
from circulant.data.load import load
from circulant.data.next_character import WINDOW
from circulant.data.task import Task


def written(tmp_path, text):
    (tmp_path / "novel.txt").write_text(text, encoding="utf-8")
    return str(tmp_path / "novel.txt")


def test_every_character_is_asked_for_from_those_before_it(tmp_path):
    text = "".join(f"{number} ä→" for number in range(2000))
    dataset = load(written(tmp_path, text), None, None, 0)
    assert dataset.task is Task.NEXT_CHARACTER and dataset.shape == (1, WINDOW)
    assert dataset.classes == tuple(sorted(set(text))) and dataset.name == "novel"
    shown, asked = dataset.train.x[:, 0].ravel(), dataset.train.y.ravel()
    assert "".join(dataset.classes[code] for code in shown) == text[: len(shown)]
    assert "".join(dataset.classes[code] for code in asked) == text[1 : len(asked) + 1]
    cut = round(len(text) * 0.9)
    first = "".join(dataset.classes[code] for code in dataset.test.x[0, 0])
    assert first == text[cut : cut + WINDOW]


def test_the_text_of_pythons_help_is_large_enough_to_learn_from():
    dataset = load("stdlib-text", None, None, 0)
    assert len(dataset.train) > 1000 and len(dataset.test) > 100 and 60 < len(dataset.classes) < 200
    assert dataset.fingerprint == load("STDLIB-text", None, None, 1).fingerprint
    assert f"windows of {WINDOW} characters" in dataset.origin
    assert 4 < guess(dataset) < 5.5  # bits of English by frequencies alone, with code between


def test_guessing_by_frequency_is_the_cross_entropy_of_the_training_part(tmp_path):
    dataset = load(written(tmp_path, "ab" * 4000), None, None, 0)
    assert guess(dataset) == pytest.approx(1.0, abs=1e-6)


def test_a_short_text_is_refused_with_the_length_that_would_do(tmp_path):
    with pytest.raises(DataError, match=r"at least 5,140 characters.*got 5,000; give more text"):
        load(written(tmp_path, "x" * 5000), None, None, 0)
    assert len(load(written(tmp_path, "xy" * 2570), None, None, 0).test) == 2


def test_text_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "old.txt").write_bytes("ä".encode("latin-1") * 9000)
    with pytest.raises(DataError, match="expected UTF-8 text"):
        load(str(tmp_path / "old.txt"), None, None, 0)


def test_codes_stay_whole_numbers(tmp_path):
    dataset = load(written(tmp_path, "xyz" * 3000), None, None, 0)
    assert dataset.train.x.dtype == dataset.test.y.dtype == np.int64
