"""What a trained network says of examples."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

CHUNK = 250  # examples at once; bounds the memory, not the result


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
    """Class of each example, in eval mode; the network's mode is put back."""
    with evaluating(network):
        return torch.cat([network(chunk).argmax(1) for chunk in x.split(CHUNK)])
