"""Associative recall, made up: a list of keys with their values, then keys again, each to be answered."""

from dataclasses import dataclass
from typing import final

import numpy as np

from circulant.core.errors import ArgumentError
from circulant.data.text import Codes

UNASKED = -100  # target where nothing is asked; torch's cross entropy leaves it out
FILLER = 0  # the token between the questions


@final
@dataclass(frozen=True, slots=True, eq=False)
class Recall:
    """codes (N, length); answers (N, length): the value where a key is asked for, UNASKED elsewhere.

    tokens: how many different codes there are.
    """

    codes: Codes
    answers: Codes
    tokens: int


def multi_query_recall(
    examples: int,
    *,
    pairs: int,
    length: int,
    keys: int = 64,
    values: int = 64,
    writes: int | None = None,
    seed: int = 0,
) -> Recall:
    """`pairs` different keys, each followed by a value drawn for this example; then each key once more.

    The questions stand at random places of the rest, with filler between them; the answer is asked for at
    the question itself. Codes are the filler, then the keys, then the values. writes: how many keys with
    values there are, some of them again with a new value, of which the last counts; `pairs` where it is not
    given.
    """
    writes = pairs if writes is None else writes
    if not 1 <= pairs <= min(keys, writes) or length < 2 * writes + pairs or values < 1:
        raise ArgumentError(
            f"expected pairs from 1 to keys = {keys} and to writes = {writes}, a length of at least "
            f"2 * writes + pairs and 1 or more values, got pairs = {pairs}, length = {length}, "
            f"values = {values}"
        )
    random = np.random.default_rng(seed)
    codes = np.full((examples, length), FILLER, dtype=np.int64)
    answers = np.full((examples, length), UNASKED, dtype=np.int64)
    for row in range(examples):
        chosen = 1 + random.permutation(keys)[:pairs]
        again = random.integers(pairs, size=writes - pairs)
        which = random.permutation(np.concatenate([np.arange(pairs), again]))
        held = 1 + keys + random.integers(values, size=writes)
        codes[row, 0 : 2 * writes : 2], codes[row, 1 : 2 * writes : 2] = chosen[which], held
        last = np.zeros(pairs, dtype=np.int64)
        last[which] = held  # numpy assigns in order: the last value stays
        places = 2 * writes + np.sort(random.permutation(length - 2 * writes)[:pairs])
        order = random.permutation(pairs)
        codes[row, places], answers[row, places] = chosen[order], last[order]
    return Recall(codes, answers, 1 + keys + values)
