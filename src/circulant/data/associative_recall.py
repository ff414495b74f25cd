"""Sequences in which keys are followed by values, and a key asked for at the end."""

import numpy as np

from circulant.core.errors import ArgumentError
from circulant.data.recall import UNASKED, Recall


def associative_recall(sequences: int, length: int, keys: int, values: int, seed: int) -> Recall:
    """Each sequence has its own map from keys to values; the key at its end has been seen before.

    Keys are codes below `keys`, values those from there on. An answer is the next code wherever it follows
    from the past: after every key that occurred before.
    """
    if length < 4 or length % 2:
        raise ArgumentError(f"expected an even length of 4 or more, got {length}")
    draw, pairs = np.random.default_rng(seed), length // 2
    asked = draw.integers(keys, size=(sequences, pairs))
    asked[:, -1] = asked[np.arange(sequences), draw.integers(pairs - 1, size=sequences)]
    answers = draw.integers(values, size=(sequences, keys))
    found = keys + np.take_along_axis(answers, asked, 1)
    codes = np.stack([asked, found], -1).reshape(sequences, length)
    earlier = np.tril(np.ones((pairs, pairs), dtype=bool), -1)
    known = ((asked[:, :, None] == asked[:, None]) & earlier).any(-1)
    targets = np.full_like(codes, UNASKED)
    targets[:, ::2] = np.where(known, found, UNASKED)
    codes[:, -1] = codes[:, -2]  # the answer itself is not shown; asked twice, the key is answered twice
    targets[:, -1] = found[:, -1]
    return Recall(codes, targets, keys + values)
