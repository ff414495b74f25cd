"""Associative recall, made up: a list of keys with their values, then keys again, each to be answered."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.core.errors import ArgumentError

Codes = NDArray[np.int64]

UNASKED = -100  # target where nothing is asked; torch's cross entropy leaves it out
FILLER = 0  # the token between the questions


@final
@dataclass(frozen=True, slots=True, eq=False)
class Recall:
    """codes (N, length); answers (N, length): the value where a key is asked for, UNASKED elsewhere."""

    codes: Codes
    answers: Codes
    tokens: int  # the filler, then the keys, then the values


def multi_query_recall(
    examples: int, *, pairs: int, length: int, keys: int = 64, values: int = 64, seed: int = 0
) -> Recall:
    """`pairs` different keys, each followed by a value drawn for this example; then each key once more.

    The questions stand at random places of the rest, with filler between them; the answer is asked for at
    the question itself.
    """
    if not 1 <= pairs <= keys or length < 3 * pairs or values < 1:
        raise ArgumentError(
            f"expected pairs from 1 to keys = {keys}, a length of at least 3 * pairs and 1 or more values, "
            f"got pairs = {pairs}, length = {length}, values = {values}"
        )
    random = np.random.default_rng(seed)
    codes = np.full((examples, length), FILLER, dtype=np.int64)
    answers = np.full((examples, length), UNASKED, dtype=np.int64)
    for row in range(examples):
        chosen = 1 + random.permutation(keys)[:pairs]
        held = 1 + keys + random.integers(values, size=pairs)
        codes[row, 0 : 2 * pairs : 2], codes[row, 1 : 2 * pairs : 2] = chosen, held
        places = 2 * pairs + np.sort(random.permutation(length - 2 * pairs)[:pairs])
        order = random.permutation(pairs)
        codes[row, places], answers[row, places] = chosen[order], held[order]
    return Recall(codes, answers, 1 + keys + values)
