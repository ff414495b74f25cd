"""A text as windows of characters, each to be named from those before it."""

import sys
from pathlib import Path

from circulant.core.errors import DataError
from circulant.data.dataset import Dataset, Part
from circulant.data.task import Task
from circulant.data.text import TEST_SHARE, Codes, Text, encoded, stdlib_text, windows
from circulant.data.text_file import read_text

WINDOW = 256  # characters
FEWEST = 2  # windows of either part: what training takes as a batch


def stdlib_characters() -> Dataset:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    origin = f"The language reference as Python {version} carries it for its help: English prose and code."
    return _dataset("stdlib-text", origin, stdlib_text())


def characters_from_file(path: Path) -> Dataset:
    return _dataset(path.stem, f"Text from {path.name}.", encoded(read_text(path)))


def _dataset(name: str, origin: str, text: Text) -> Dataset:
    if min(len(text.train), len(text.test)) <= FEWEST * WINDOW:
        least = round((FEWEST * WINDOW + 1) / TEST_SHARE) + 10
        raise DataError(
            f"{name}: expected a text of at least {least:,} characters, so that its last tenth holds "
            f"{FEWEST} windows of {WINDOW}, got {len(text.train) + len(text.test):,}; give more text"
        )
    told = f"{origin} Cut into windows of {WINDOW} characters; those of the last tenth are for testing."
    return Dataset(
        name, told, tuple(text.characters), _part(text.train), _part(text.test), Task.NEXT_CHARACTER
    )


def _part(codes: Codes) -> Part:
    given, sought = windows(codes, WINDOW)
    return Part(given[:, None], sought)
