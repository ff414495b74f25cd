"""What a trained network says of examples."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from circulant.core.evaluation import in_evaluation

CHUNK = 250  # examples at once


def mixed_order(examples: int) -> Tensor:
    """Positions in an order without pattern, always the same one.

    A network that sees its batch as a whole would meet one class after the other in a set sorted by class.
    """
    return torch.randperm(examples, generator=torch.Generator().manual_seed(0))


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Eval mode without gradients; the mode of each module is put back."""
    with in_evaluation(network), torch.no_grad():
        yield


def predict(network: nn.Module, x: Tensor) -> Tensor:
    """Class of each example, in eval mode, read in mixed order; the modes of its modules are put back."""
    order = mixed_order(len(x))
    with evaluating(network):
        found = torch.cat([network(x[chosen]).argmax(1) for chosen in order.split(CHUNK)])
    return found[order.argsort()]
