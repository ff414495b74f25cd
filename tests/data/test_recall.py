"""Associative recall: every question has one answer, and it is in the list."""

import numpy as np
import pytest

from circulant.core.errors import ArgumentError
from circulant.data.recall import FILLER, UNASKED, multi_query_recall


@pytest.mark.parametrize("writes", [5, 9])
def test_each_key_is_asked_for_once_and_its_last_value_is_the_answer(writes):
    data = multi_query_recall(20, pairs=5, length=30, keys=8, values=4, writes=writes, seed=3)
    assert data.tokens == 13
    for codes, answers in zip(data.codes, data.answers):
        held = dict(zip(codes[0 : 2 * writes : 2].tolist(), codes[1 : 2 * writes : 2].tolist()))
        asked = np.flatnonzero(answers != UNASKED)
        assert len(held) == len(asked) == 5
        assert asked.min() >= 2 * writes
        assert {codes[place]: answers[place] for place in asked} == held
        rest = np.delete(codes[2 * writes :], asked - 2 * writes)
        assert (rest == FILLER).all()
        assert all(1 <= key <= 8 and 9 <= value <= 12 for key, value in held.items())


def test_the_seed_decides():
    first, same, other = (multi_query_recall(3, pairs=2, length=8, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.codes, same.codes)
    assert not np.array_equal(first.codes, other.codes)


@pytest.mark.parametrize(("pairs", "length"), [(9, 40), (4, 11), (0, 9)])
def test_what_does_not_fit_is_refused(pairs, length):
    with pytest.raises(ArgumentError, match="a length of at least"):
        multi_query_recall(2, keys=8, pairs=pairs, length=length)
