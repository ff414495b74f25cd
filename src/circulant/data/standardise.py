"""Zero mean and unit variance per channel, by the statistics of the training part alone."""

from dataclasses import dataclass
from typing import final

import numpy as np

from circulant.data.dataset import Dataset, Examples

CONSTANT = 1e-6  # a channel that varies less is only centred


@final
@dataclass(frozen=True, slots=True, eq=False)
class Standardised:
    """Both parts on the training part's scale."""

    train: Examples
    test: Examples


def standardise(dataset: Dataset) -> Standardised:
    axes = (0, *range(2, dataset.train.x.ndim))
    mean = dataset.train.x.mean(axis=axes, keepdims=True, dtype=np.float64)
    deviation = dataset.train.x.std(axis=axes, keepdims=True, dtype=np.float64)
    scale = np.where(deviation > CONSTANT, deviation, 1.0)
    return Standardised(
        ((dataset.train.x - mean) / scale).astype(np.float32),
        ((dataset.test.x - mean) / scale).astype(np.float32),
    )
