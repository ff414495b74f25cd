"""Fingerprints, splits and scaling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circulant.data.dataset import Dataset, Part
from circulant.data.split import stratified_split
from circulant.data.standardise import standardise


def dataset_of(train, test, y_train=(0, 1), y_test=(0, 1), classes=("a", "b")):
    def part(x, y):
        return Part(np.array(x, dtype=np.float32), np.array(y, dtype=np.int64))

    return Dataset("toy", "made here.", classes, part(train, y_train), part(test, y_test))


BASE = {"train": [[[1, 2]], [[3, 4]]], "test": [[[5, 6]], [[7, 8]]]}


@pytest.mark.parametrize(
    "change",
    [
        {"train": [[[1, 2]], [[3, 5]]]},
        {"test": [[[5, 6]], [[7, 9]]]},
        {"y_train": (1, 0)},
        {"y_test": (0, 0)},
        {"classes": ("a", "c")},
        {"train": BASE["test"], "test": BASE["train"]},
        {"train": [[[1], [2]], [[3], [4]]], "test": [[[5], [6]], [[7], [8]]]},
    ],
)
def test_any_change_changes_the_fingerprint(change):
    assert dataset_of(**BASE).fingerprint == dataset_of(**BASE).fingerprint
    assert dataset_of(**{**BASE, **change}).fingerprint != dataset_of(**BASE).fingerprint


@given(counts=st.lists(st.integers(2, 40), min_size=2, max_size=5), seed=st.integers(0, 5))
def test_a_split_keeps_every_example_once_and_every_class_on_both_sides(counts, seed):
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    split = stratified_split("toy", y, tuple("abcde"[: len(counts)]), seed)
    assert sorted([*split.train, *split.test]) == list(range(len(y)))
    tested = np.bincount(y[split.test], minlength=len(counts))
    assert all(1 <= got < count for got, count in zip(tested, counts, strict=True))
    assert all(abs(got - count / 5) <= 0.5 or got == 1 for got, count in zip(tested, counts, strict=True))


def test_scaling_uses_the_training_part_alone():
    train = np.random.default_rng(0).normal(5, 3, size=(40, 2, 6))
    scaled = standardise(dataset_of(train, 100 * train, [0, 1] * 20, [0, 1] * 20))
    assert scaled.train.mean((0, 2)) == pytest.approx([0, 0], abs=1e-5)
    assert scaled.train.std((0, 2)) == pytest.approx([1, 1], abs=1e-5)
    mean, deviation = train.mean((0, 2))[:, None], train.std((0, 2))[:, None]
    assert scaled.test == pytest.approx((100 * train - mean) / deviation, rel=1e-4, abs=1e-4)


def test_a_constant_channel_is_centred_and_stays_finite():
    scaled = standardise(dataset_of([[[7, 7]], [[7, 7]]], [[[7, 7]], [[8, 7]]]))
    assert (scaled.train == 0).all() and scaled.test.max() == 1
