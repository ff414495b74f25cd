"""What a trained network says of examples."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

CHUNK = 250  # examples at once


def mixed_order(examples: int) -> Tensor:
    """Positions in an order without pattern, always the same one.

    A network that sees its batch as a whole would meet one class after the other in a set sorted by class.
    """
    return torch.randperm(examples, generator=torch.Generator().manual_seed(0))


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Eval mode without gradients; the network's mode is put back."""
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(was_training)


def predict(network: nn.Module, x: Tensor) -> Tensor:
    """Class of each example, in eval mode, read in mixed order; the network's mode is put back."""
    order = mixed_order(len(x))
    with evaluating(network):
        found = torch.cat([network(x[chosen]).argmax(1) for chosen in order.split(CHUNK)])
    return found[order.argsort()]
