"""What is asked for has been seen, and the answers are those that were given before."""

import numpy as np
import pytest

from circulant.core.errors import ArgumentError
from circulant.data.associative_recall import associative_recall
from circulant.data.recall import UNASKED


def test_every_target_follows_from_the_pairs_before_it():
    recall = associative_recall(50, 12, 5, 3, seed=0)
    for codes, targets in zip(recall.codes, recall.answers):
        known = {}
        for place in range(0, 12, 2):
            key = codes[place]
            assert 0 <= key < 5
            assert targets[place] == known.get(key, UNASKED)
            if place < 10:
                known[key] = codes[place + 1]
        assert codes[-1] == codes[-2]
        assert targets[-1] == known[codes[-1]]


def test_answers_are_not_to_be_guessed():
    targets = associative_recall(2000, 16, 4, 8, seed=1).answers[:, -1]
    shares = np.bincount(targets)[4:] / 2000
    assert shares.max() < 0.17


@pytest.mark.parametrize("length", [2, 7])
def test_lengths_without_a_question_are_refused(length):
    with pytest.raises(ArgumentError, match="even length of 4 or more"):
        associative_recall(1, length, 2, 2, 0)
