"""A data set as tensors, standardised, ready for training."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.data.dataset import Dataset
from circulant.data.standardise import standardise


@final
@dataclass(frozen=True, slots=True, eq=False)
class Tensors:
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor


def to_tensors(dataset: Dataset) -> Tensors:
    scaled = standardise(dataset)
    arrays = (scaled.train, dataset.train.y, scaled.test, dataset.test.y)
    return Tensors(*(torch.from_numpy(array) for array in arrays))
