"""Fields on a grid: for each example channels that are given and channels that belong to them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from circulant.core.errors import DataError
from circulant.core.sizes import Shape
from circulant.data.dataset import Dataset, Examples, Part
from circulant.data.split import TEST_SHARE
from circulant.data.task import Task

TRAIN, TEST = 256, 64  # pairs of a generated set


@final
@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """Pairs on one grid: given (N, C, *spatial) and sought (N, D, *spatial)."""

    given: Examples
    sought: Examples

    def __len__(self) -> int:
        return len(self.given)

    def part(self, start: int, stop: int) -> "Fields":
        return Fields(self.given[start:stop], self.sought[start:stop])


def generated(
    name: str, origin: str, make: Callable[[int, int, int], Fields], points: int, seed: int
) -> Dataset:
    """make(examples, points, seed) from a fixed seed: everybody gets the same set."""
    pairs = make(TRAIN + TEST, points, seed)
    return field_dataset(name, origin, pairs.part(0, TRAIN), pairs.part(TRAIN, TRAIN + TEST))


def field_dataset(name: str, origin: str, train: Fields, test: Fields) -> Dataset:
    """Keep the split that the source came with."""
    for part, fields in (("the training part", train), ("the test part", test)):
        _check(name, part, fields)
        if _shapes(fields) != _shapes(train):
            raise DataError(
                f"{name}: both parts must have x and y of one shape, got {_shapes(train)} for training and "
                f"{_shapes(fields)} for testing; bring them to one grid"
            )
    return Dataset(
        name, origin, (), Part(train.given, train.sought), Part(test.given, test.sought), Task.FIELD
    )


def split_fields(name: str, origin: str, fields: Fields, seed: int) -> Dataset:
    """A fifth of the pairs, at least one, is drawn for testing."""
    if len(fields) < 2:
        raise DataError(f"{name}: a split needs at least 2 examples, got {len(fields)}; add examples")
    order = np.random.default_rng(seed).permutation(len(fields))
    count = max(1, round(TEST_SHARE * len(fields)))
    test, train = np.sort(order[:count]), np.sort(order[count:])
    kept = f"{origin} {TEST_SHARE:.0%} of the pairs were drawn for testing with seed {seed}."
    parts = (Fields(fields.given[chosen], fields.sought[chosen]) for chosen in (train, test))
    return field_dataset(name, kept, *parts)


def _shapes(fields: Fields) -> tuple[Shape, Shape]:
    return fields.given.shape[1:], fields.sought.shape[1:]


def _check(name: str, part: str, fields: Fields) -> None:
    if len(fields.given) != len(fields.sought) or len(fields) == 0:
        raise DataError(
            f"{name}: {part} needs one y for each x, got {len(fields.given)} and {len(fields.sought)}; "
            "check that both come from the same pairs"
        )
    if fields.given.shape[2:] != fields.sought.shape[2:]:
        raise DataError(
            f"{name}: x and y must lie on one grid, got {fields.given.shape[2:]} and "
            f"{fields.sought.shape[2:]} in {part}; interpolate one of them"
        )
    if not (np.isfinite(fields.given).all() and np.isfinite(fields.sought).all()):
        raise DataError(f"{name}: values must be finite, but {part} holds NaN or infinity; remove them")
    empty = np.flatnonzero(~fields.sought.reshape(len(fields), -1).any(axis=1))
    if len(empty):
        raise DataError(
            f"{name}: relative errors need a y that is not zero everywhere, but example {empty[0]} of {part} "
            "is; leave it out"
        )
