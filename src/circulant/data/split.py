"""Train and test split by class."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.core.errors import DataError
from circulant.data.dataset import Labels

TEST_SHARE = 0.2


@final
@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Positions of the examples of either side, ascending."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]


def stratified_split(name: str, y: Labels, classes: tuple[str, ...], seed: int) -> Split:
    """A fifth of each class, at least one example of it, goes to the test side."""
    generator = np.random.default_rng(seed)
    test = []
    for position, label in enumerate(classes):
        members = np.flatnonzero(y == position)
        if len(members) < 2:
            raise DataError(
                f"{name}: a split needs at least 2 examples of each class, class {label!r} has "
                f"{len(members)}; add examples, or give training and test parts of your own"
            )
        count = max(1, round(TEST_SHARE * len(members)))
        test.append(generator.permutation(members)[:count])
    chosen = np.sort(np.concatenate(test))
    return Split(np.setdiff1d(np.arange(len(y)), chosen), chosen)
