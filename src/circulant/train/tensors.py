"""A data set as tensors, ready for training."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.data.dataset import Dataset
from circulant.data.standardise import standardise
from circulant.data.task import Task


@final
@dataclass(frozen=True, slots=True, eq=False)
class Tensors:
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor


def to_tensors(dataset: Dataset) -> Tensors:
    """Inputs standardised, except codes of characters."""
    train, test = dataset.train.x, dataset.test.x
    if dataset.task is not Task.NEXT_CHARACTER:
        scaled = standardise(dataset)
        train, test = scaled.train, scaled.test
    return Tensors(*(torch.from_numpy(array) for array in (train, dataset.train.y, test, dataset.test.y)))
