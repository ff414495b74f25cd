"""How well one does without looking at the example: what any network must beat."""

from collections.abc import Callable, Mapping

import numpy as np

from circulant.data.dataset import Dataset
from circulant.data.task import Task


def guess(dataset: Dataset) -> float:
    """In the metric of the task: accuracy, bits per character, or relative L2 error."""
    return GUESSES[dataset.task](dataset)


def _commonest_class(dataset: Dataset) -> float:
    """Of the test part."""
    return float(np.bincount(dataset.test.y).max() / len(dataset.test))


def _character_frequencies(dataset: Dataset) -> float:
    """Cross entropy of the training part's frequencies, each counted once more, on the test part."""
    counts = np.bincount(dataset.train.y.ravel(), minlength=len(dataset.classes)) + 1
    bits = -np.log2(counts / counts.sum())
    return float(bits[dataset.test.y].mean())


def _mean_field(dataset: Dataset) -> float:
    axes = tuple(range(1, dataset.test.y.ndim))
    error = np.square(dataset.test.y - dataset.train.y.mean(0)).sum(axes)
    return float(np.sqrt(error / np.square(dataset.test.y).sum(axes)).mean())


GUESSES: Mapping[Task, Callable[[Dataset], float]] = {
    Task.CLASSIFICATION: _commonest_class,
    Task.NEXT_CHARACTER: _character_frequencies,
    Task.FIELD: _mean_field,
}
