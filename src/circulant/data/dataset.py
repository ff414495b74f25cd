"""The record that every source ends in."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.core.sizes import Shape
from circulant.data.task import Task

Examples = NDArray[np.float32]  # (N, C, *spatial)
Codes = NDArray[np.int64]  # (N, 1, L), positions in Dataset.classes
Labels = NDArray[np.int64]  # (N,) or (N, L), positions in Dataset.classes


@final
@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One side of a split."""

    x: Examples | Codes
    y: Labels | Examples

    def __len__(self) -> int:
        return len(self.y)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Examples with what is asked for, split for training and testing.

    One series is (C, L), an image (C, H, W), a window of text (1, L).
    """

    name: str
    origin: str  # one sentence: where the examples come from and what was done to them
    classes: tuple[str, ...]  # the characters of a text; empty for fields
    train: Part
    test: Part
    task: Task = Task.CLASSIFICATION
    fingerprint: str = field(init=False)  # sha256 over arrays, classes and split

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", _fingerprint(self))

    @property
    def shape(self) -> Shape:
        """One example: (C, L) or (C, H, W)."""
        return tuple(int(size) for size in self.train.x.shape[1:])

    @property
    def spatial(self) -> Shape:
        return self.shape[1:]


def _fingerprint(dataset: Dataset) -> str:
    digest = sha256("\0".join((dataset.task.value, *dataset.classes)).encode())
    for array in (dataset.train.x, dataset.train.y, dataset.test.x, dataset.test.y):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
