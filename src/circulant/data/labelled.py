"""What a source hands over before the split, and the way from there to a checked Dataset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.core.errors import DataError
from circulant.data.dataset import Dataset, Examples, Labels, Part
from circulant.data.split import TEST_SHARE, stratified_split


@final
@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Examples with class names, as read."""

    x: Examples
    names: Sequence[str]  # one class name per example


def split_dataset(name: str, origin: str, examples: Labelled, seed: int) -> Dataset:
    """Split one set 80/20 by class with the seed."""
    classes = _classes(name, examples.names)
    y = _positions(examples.names, classes)
    _check(name, "the data", examples.x, y)
    split = stratified_split(name, y, classes, seed)
    kept = f"{origin} {TEST_SHARE:.0%} of each class were drawn for testing with seed {seed}."
    return Dataset(name, kept, classes, _part(examples.x, y, split.train), _part(examples.x, y, split.test))


def _part(x: Examples, y: Labels, chosen: NDArray[np.int64]) -> Part:
    return Part(x[chosen], y[chosen])


def paired_dataset(name: str, origin: str, train: Labelled, test: Labelled) -> Dataset:
    """Keep the split that the source came with."""
    classes = _classes(name, train.names)
    unseen = sorted(set(test.names) - set(classes))
    if unseen:
        raise DataError(
            f"{name}: every test class must be in the training part, but {', '.join(unseen)} "
            f"{'is' if len(unseen) == 1 else 'are'} not; add training examples of it or leave it out"
        )
    if train.x.shape[1:] != test.x.shape[1:]:
        raise DataError(
            f"{name}: training and test examples must have one shape (C, ...), got {train.x.shape[1:]} and "
            f"{test.x.shape[1:]}; resize or pad one part"
        )
    y_train, y_test = _positions(train.names, classes), _positions(test.names, classes)
    _check(name, "the training part", train.x, y_train)
    _check(name, "the test part", test.x, y_test)
    return Dataset(name, origin, classes, Part(train.x, y_train), Part(test.x, y_test))


def _classes(name: str, names: Sequence[str]) -> tuple[str, ...]:
    """Class names in reading order: numbers by value, then text."""
    classes = tuple(sorted(set(names), key=_reading_order))
    if len(classes) < 2:
        found = f"only {classes[0]!r}" if classes else "none"
        raise DataError(f"{name}: expected at least two classes, found {found}; check the labels")
    return classes


def _reading_order(name: str) -> tuple[bool, float, str]:
    try:
        return (False, float(name), name)
    except ValueError:
        return (True, 0.0, name)


def _positions(names: Sequence[str], classes: tuple[str, ...]) -> Labels:
    place = {label: position for position, label in enumerate(classes)}
    return np.array([place[label] for label in names], dtype=np.int64)


def _check(name: str, part: str, x: Examples, y: Labels) -> None:
    if len(x) != len(y):
        raise DataError(
            f"{name}: {part} needs one label per example, got {len(x)} examples and {len(y)} labels; "
            "check that both come from the same rows"
        )
    if len(x) == 0:
        raise DataError(f"{name}: {part} must hold examples, got none; check the source")
    bad = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
    if len(bad):
        raise DataError(
            f"{name}: values must be finite, but example {bad[0]} of {part} holds NaN or infinity "
            f"({len(bad)} of {len(x)} examples do); fill or remove them"
        )
