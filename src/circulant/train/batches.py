"""The order of the training examples: a function of the seed alone."""

from collections.abc import Iterator

import torch
from torch import Tensor


def shuffled_batches(examples: int, batch: int, seed: int) -> Iterator[Tensor]:
    """Positions of each batch, without end; every epoch in a new order, its incomplete rest left out."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(examples, generator=generator)
        for start in range(0, examples - batch + 1, batch):
            yield order[start : start + batch]
