"""A network in evaluation, for a look at what happens in it."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def in_evaluation(module: nn.Module) -> Iterator[None]:
    """So that running statistics stay as they are."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training
