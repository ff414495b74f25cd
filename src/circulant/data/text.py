"""Text that comes with Python, or the user's own, as codes of characters."""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import final

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]

TEST_SHARE = 0.1


@final
@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """Positions in `characters`; the test part is the end of the text."""

    characters: str
    train: Codes
    test: Codes


@cache
def stdlib_text() -> Text:
    """The language reference as Python carries it in pydoc_data.topics: English prose and code."""
    topics: dict[str, str] = import_module("pydoc_data.topics").topics
    return encoded("\n".join(topics[name] for name in sorted(topics)))


def encoded(text: str) -> Text:
    """Every character of the text gets a code, also those that only its end has."""
    characters = "".join(sorted(set(text)))
    code = {character: position for position, character in enumerate(characters)}
    codes = np.array([code[character] for character in text], dtype=np.int64)
    cut = round(len(codes) * (1 - TEST_SHARE))
    return Text(characters, codes[:cut], codes[cut:])


def windows(codes: Codes, length: int) -> tuple[Codes, Codes]:
    """Stretches (N, length) that meet without overlap, and the same one character later."""
    number = (len(codes) - 1) // length
    return (
        codes[: number * length].reshape(number, length),
        codes[1 : number * length + 1].reshape(number, length),
    )
